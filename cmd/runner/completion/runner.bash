# Completion of runner for bash: source <(runner completion bash)
_runner() {
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}") line
    # bash breaks words at = and :, which are parts of ours.
    local text="${COMP_LINE:0:COMP_POINT}"
    read -r -a words <<<"${text#* }"
    [[ $text == *' ' ]] && words+=("")
    [[ ${#words[@]} -eq 0 ]] && words=("")
    local last="${words[${#words[@]} - 1]}" cut=""
    case $last in
        *=*) cut="${last%"${last##*=}"}" ;;
    esac
    COMPREPLY=()
    while IFS=$'\t' read -r line _; do
        [[ -n $line ]] && COMPREPLY+=("${line#"$cut"}")
    done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default -o filenames 2>/dev/null
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done < <(compgen -f -- "${last#"$cut"}")
    fi
}
complete -F _runner runner

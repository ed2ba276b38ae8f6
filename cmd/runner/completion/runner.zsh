#compdef runner
# Completion of runner for zsh: source <(runner completion zsh), or a file _runner in a directory of $fpath.
_runner() {
    local line word
    local -a proposed
    while IFS= read -r line; do
        word="${line%%$'\t'*}"
        proposed+=("${word//:/\\:}:${line#*$'\t'}")
    done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#proposed} )); then
        _describe 'runner' proposed
    else
        compset -P '*='
        _files
    fi
}
if [[ "$funcstack[1]" == "_runner" ]]; then
    _runner "$@"
else
    compdef _runner runner
fi

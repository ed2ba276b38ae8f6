#!/bin/bash
# The script of action.yml: checks and tests rules, writes reports and a summary, and fails where rules or tests do.
set -uo pipefail
reports=$INPUT_REPORTS
mkdir -p "$reports" || exit 2
lines() { # of an input, without empty ones, into the array named
  local -n into=$1
  mapfile -t into < <(printf '%s\n' "$2" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//; /^$/d')
}
lines rules "$INPUT_RULES"
lines tests "$INPUT_TESTS"
lines arguments "$INPUT_ARGUMENTS"
[ ${#rules[@]} -gt 0 ] || {
  echo "::error::the input rules names nothing"
  exit 2
}
[ ${#tests[@]} -gt 0 ] || tests=("${rules[@]}")
case $INPUT_STRICT in
  true) strict=(--strict) ;;
  false) strict=() ;;
  *)
    echo "::error::the input strict is true or false, not $INPUT_STRICT"
    exit 2
    ;;
esac
[ -z "$INPUT_LINT" ] || strict+=("--lint=$INPUT_LINT")
checked=0 tested=0

if [ -n "$INPUT_ARCHIVE" ]; then
  [[ $INPUT_SHA256 =~ ^[0-9a-f]{64}$ ]] || {
    echo "::error::the input sha256 is the hash of the archive, in hexadecimal digits"
    exit 2
  }
  installed=$(mktemp -d -p "${RUNNER_TEMP:-/tmp}") || exit 2
  curl --fail --silent --show-error --location --retry 3 --output "$installed/archive" -- "$INPUT_ARCHIVE" &&
    echo "$INPUT_SHA256  $installed/archive" | sha256sum --quiet --check - &&
    tar --extract --gzip --file "$installed/archive" --directory "$installed" ./runner || {
    echo "::error::the archive could not be had, or has another hash"
    exit 2
  }
  INPUT_RUNNER=$installed/runner
fi
command -v "$INPUT_RUNNER" >/dev/null || {
  echo "::error::there is no command $INPUT_RUNNER: set the input archive, or runner"
  exit 2
}

"$INPUT_RUNNER" check "${strict[@]}" "${arguments[@]}" --format sarif -- "${rules[@]}" >"$reports/rules.sarif" || checked=$?
# The same for people, in the log.
"$INPUT_RUNNER" check "${strict[@]}" "${arguments[@]}" -- "${rules[@]}" || [ $? = "$checked" ] || checked=2
summary="| | result |
|---|---|
| check | $([ "$checked" = 0 ] && echo passed || echo "failed ($checked)") |"

if [ "${tests[*]}" != none ]; then
  "$INPUT_RUNNER" test "${arguments[@]}" --format junit -- "${tests[@]}" >"$reports/tests.xml" || tested=$?
  if [ "$tested" != 0 ]; then
    "$INPUT_RUNNER" test "${arguments[@]}" -- "${tests[@]}" || true
  fi
  summary+="
| test | $([ "$tested" = 0 ] && echo passed || echo "failed ($tested)") |"
  echo "junit=$reports/tests.xml" >>"$GITHUB_OUTPUT"
fi
echo "sarif=$reports/rules.sarif" >>"$GITHUB_OUTPUT"
printf '%s\n' "$summary" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
[ "$checked" = 0 ] && [ "$tested" = 0 ]

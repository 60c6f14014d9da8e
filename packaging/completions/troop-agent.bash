# bash completion of troop-agent. Try it: source packaging/completions/troop-agent.bash
# Installed as /usr/share/bash-completion/completions/troop-agent. What only programs start is not offered.

_troop_agent() {
  local typed=${COMP_WORDS[COMP_CWORD]} command='' at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; ++at)); do
    if [[ ${COMP_WORDS[at]} != -* ]]; then command=${COMP_WORDS[at]}; break; fi
  done
  local candidate candidates
  case $command in
    '') candidates=(doctor run status undo --help --version) ;;
    run) candidates=(--socket --help) ;;
    doctor | status) candidates=(--json --help) ;;
    undo) candidates=(--all --dead --patience --help) ;;
    *) candidates=(--help) ;;
  esac
  for candidate in "${candidates[@]}"; do
    [[ $candidate != "$typed"* ]] || COMPREPLY+=("$candidate")
  done
}

complete -F _troop_agent troop-agent

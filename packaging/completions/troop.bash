# bash completion of troop. Try it: source packaging/completions/troop.bash
# Installed as /usr/share/bash-completion/completions/troop. Needs nothing of the package bash-completion.

# The names of the ready scenarios, one a line. Nothing where troop cannot say.
_troop_scenarios() {
  "$1" list scenarios --format json 2>/dev/null </dev/null | grep -o '"name":"[^"]*"' | cut -d '"' -f 4
}

# _troop_offer CANDIDATE...: those that go on from what is typed. (compgen -W would run what a name has in $(...).)
_troop_offer() {
  local candidate
  for candidate; do
    [[ $candidate != "$_troop_typed"* ]] || COMPREPLY+=("$candidate")
  done
}

# Folders, and files that end in $1 (any file if it is empty).
_troop_offer_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$_troop_typed")
  local file
  while IFS= read -r file; do
    [[ -d $file || ( -n ${1:-} && $file != *"$1" ) ]] || COMPREPLY+=("$file")
  done < <(compgen -f -- "$_troop_typed")
}

_troop() {
  local program=${COMP_WORDS[0]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' word at
  local _troop_typed=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; ++at)); do
    word=${COMP_WORDS[at]}
    if [[ $word != -* ]]; then command=$word; break; fi
  done

  case $before in
    --format)
      case $command in
        report) _troop_offer terminal json html junit markdown ;;
        *) _troop_offer text json ;;
      esac
      return ;;
    --library) _troop_offer_files /; return ;;
    --out | --agent) _troop_offer_files; return ;;
    --invariants) _troop_offer_files .toml; return ;;
    --control) if [[ $command == verify ]]; then _troop_offer_files .ndjson; return; fi ;;
    --seed | --set) return ;;
  esac

  if [[ -z $command ]]; then
    _troop_offer run plan validate verify report list new schema --help --version
    return
  fi
  if [[ $_troop_typed == -* ]]; then
    case $command in
      run) _troop_offer --seed --out --set --dry-run --control --agent --help ;;
      plan) _troop_offer --seed --set --library --format --help ;;
      validate) _troop_offer --library --help ;;
      verify) _troop_offer --invariants --control --format --help ;;
      report) _troop_offer --format --out --help ;;
      list) _troop_offer --format --library --help ;;
      *) _troop_offer --help ;;
    esac
    return
  fi
  case $command in
    run | plan | validate)
      local names
      mapfile -t names < <(_troop_scenarios "$program")
      _troop_offer "${names[@]}"
      _troop_offer_files .toml ;;
    verify) _troop_offer_files .ndjson ;;
    report) _troop_offer_files / ;;
    list) _troop_offer faults probes invariants scenarios ;;
  esac
}

complete -F _troop troop

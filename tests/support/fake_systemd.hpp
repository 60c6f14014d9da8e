// A `systemctl` of a test's own, and what it tells of: a file for each unit, in the format of `systemctl show`, that
// other verbs replace as the test has said before. Real processes play the unit's.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/bystander.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::test {

class FakeSystemd {
 public:
  using Properties = std::map<std::string, std::string>;
  static constexpr const char* unit = "shop.service";

  FakeSystemd() {
    std::ofstream{program()} << R"(#!/bin/sh
folder=')" + folder_.path().string() +
                                    R"('
echo "$*" >> "$folder/asked"
while [ "$1" = --no-pager ] || [ "$1" = --no-ask-password ]; do shift; done
verb=$1
if [ -f "$folder/$verb.hangs" ]; then exec sleep 60; fi
if [ -f "$folder/$verb.fails" ]; then cat "$folder/$verb.fails"; exit 1; fi
if [ "$verb" = show ]; then
  while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
  if [ $# = 0 ]; then echo Version=252.38-1~deb12u1; exit 0; fi
  shift
  between=
  for unit; do
    printf "$between"
    cat "$folder/$unit" 2>/dev/null || printf 'Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n' "$unit"
    between='\n'
  done
  exit 0
fi
if [ -f "$folder/others-act" ]; then
  for unit; do :; done
  job="$verb $$"
  echo "$job" > "$folder/new.$$"
  mv "$folder/new.$$" "$folder/$unit.job"
  tries=0
  while [ "$finished" != "$job" ] && [ $tries -lt 500 ]; do
    sleep 0.02
    if [ -f "$folder/$unit.done" ]; then read -r finished < "$folder/$unit.done"; fi
    tries=$((tries + 1))
  done
  exit 0
fi
if [ -f "$folder/$verb.kills" ]; then kill -9 $(cat "$folder/$verb.kills"); fi
if [ -f "$folder/$verb.makes" ]; then cp "$folder/$verb.makes" "$folder/new.$$"; mv "$folder/new.$$" "$folder/shop.service"; fi
exit 0
)";
    std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
  }

  [[nodiscard]] std::filesystem::path program() const { return folder_ / "systemctl"; }
  /// For the environment of an agent.
  [[nodiscard]] std::string variable() const { return "TROOP_SYSTEMCTL=" + program().string(); }

  /// One that runs, as systemd shows it; `main` is its main process.
  static Properties running(pid_t main, const std::string& invocation = "0123456789abcdef0123456789abcdef") {
    return {{"Id", unit},
            {"Names", unit},
            {"LoadState", "loaded"},
            {"SubState", "running"},
            {"ActiveState", "active"},
            {"MainPID", std::to_string(main)},
            {"ControlPID", "0"},
            {"Result", "success"},
            {"InvocationID", invocation},
            {"CanStart", "yes"},
            {"CanStop", "yes"},
            {"Restart", "no"},
            {"Transient", "no"},
            {"TriggeredBy", ""},
            {"FailureAction", "none"}};
  }
  static Properties with(Properties properties, const Properties& others) {
    for (const auto& [name, value] : others) properties[name] = value;
    return properties;
  }
  static Properties down(const std::string& how = "inactive") {
    return with(running(0), {{"ActiveState", how}, {"SubState", how == "failed" ? "failed" : "dead"}});
  }

  void set(const Properties& properties, const std::string& name = unit) const {
    write(folder_ / "new", properties);
    std::filesystem::rename(folder_ / "new", folder_ / name);
  }
  /// From now on `systemctl VERB` kills these processes and leaves the unit so.
  void let(const std::string& verb, const Properties& makes, const std::vector<pid_t>& kills = {}) const {
    write(folder_ / (verb + ".makes"), makes);
    std::ofstream victims{folder_ / (verb + ".kills")};
    for (const pid_t pid : kills) victims << pid << ' ';
    if (kills.empty()) std::filesystem::remove(folder_ / (verb + ".kills"));
  }
  void let_fail(const std::string& verb, const std::string& words) const {
    std::ofstream{folder_ / (verb + ".fails")} << words << '\n';
  }
  void let_hang(const std::string& verb) const { std::ofstream{folder_ / (verb + ".hangs")} << ' '; }

  /// From now on `systemctl VERB UNIT` does nothing but wait until finish() says that it is done.
  void let_others_act() const { std::ofstream{folder_ / "others-act"} << ' '; }
  /// What is to be done with the unit, such as "stop 4711"; empty: nothing was ever asked for.
  [[nodiscard]] std::string job(const std::string& name) const {
    std::string line;
    std::ifstream file{folder_ / (name + ".job")};
    std::getline(file, line);
    return line;
  }
  void finish(const std::string& name, const std::string& job) const {
    std::ofstream{folder_ / "finished"} << job << '\n';
    std::filesystem::rename(folder_ / "finished", folder_ / (name + ".done"));
  }

  /// What it was asked for, but for `show`, without the options that are always there.
  [[nodiscard]] std::vector<std::string> asked() const {
    const std::string always = "--no-pager --no-ask-password ";
    std::vector<std::string> found;
    std::ifstream lines{folder_ / "asked"};
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(always)) found.push_back("without the usual options: " + line);
      line.erase(0, always.size());
      if (!line.starts_with("show")) found.push_back(line);
    }
    return found;
  }

 private:
  static void write(const std::filesystem::path& path, const Properties& properties) {
    std::ofstream file{path};
    for (const auto& [name, value] : properties) file << name << '=' << value << '\n';
  }

  testing_support::TemporaryFolder folder_;
};

}  // namespace troop::test

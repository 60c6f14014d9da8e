#include "scenarios/model/unit_name.hpp"

#include <algorithm>
#include <initializer_list>

namespace troop::model {

bool is_unit_name(std::string_view text) {
  constexpr std::size_t name_max = 255;
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
  const auto dot = text.rfind('.');
  if (dot == 0 || dot == std::string_view::npos || text.size() > name_max) return false;
  const auto kind = text.substr(dot);
  const bool has_processes = kind == ".service" || kind == ".slice" || kind == ".scope" || kind == ".socket" ||
                             kind == ".mount" || kind == ".swap";
  return has_processes && text.find_first_not_of(letters) == std::string_view::npos && text[dot - 1] != '@' &&
         text.front() != '@' && text.front() != '-';
}

bool is_service_name(std::string_view text) { return is_unit_name(text) && text.ends_with(".service"); }

bool is_vital_service(std::string_view name) {
  const auto begins = [&](std::string_view with) { return name.starts_with(with); };
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"systemd-", "dbus.", "dbus-broker.", "ssh.", "ssh@", "sshd.", "sshd@",
                                              "sshd-", "getty@", "serial-getty@", "user@", "user-runtime-dir@",
                                              "troop-agent."},
      begins);
}

}  // namespace troop::model

#include "scenarios/model/cgroup_path.hpp"

#include <algorithm>

namespace troop::model {
namespace {

constexpr std::size_t path_max = 255;

bool is_name(std::string_view name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
  return !name.empty() && name != "." && name != ".." && name.find_first_not_of(letters) == std::string_view::npos;
}

}  // namespace

bool is_cgroup_path(std::string_view text) {
  if (text.size() > path_max || text.empty()) return false;
  while (text.starts_with('/')) {
    const auto end = std::min(text.find('/', 1), text.size());
    if (!is_name(text.substr(1, end - 1))) return false;
    text.remove_prefix(end);
  }
  return text.empty();
}

}  // namespace troop::model

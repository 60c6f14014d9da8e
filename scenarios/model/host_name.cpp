#include "scenarios/model/host_name.hpp"

#include <algorithm>

namespace troop::model {
namespace {

constexpr std::size_t label_max = 63, name_max = 253;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_label(std::string_view label) {
  const auto allowed = [](char letter) {
    return is_digit(letter) || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '-';
  };
  return !label.empty() && label.size() <= label_max && std::ranges::all_of(label, allowed) && label.front() != '-' &&
         label.back() != '-';
}

}  // namespace

bool is_dns_name(std::string_view text) {
  const auto last_dot = text.rfind('.');
  if (last_dot == std::string_view::npos || text.size() > name_max) return false;
  if (std::ranges::all_of(text.substr(last_dot + 1), is_digit)) return false;
  for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!is_label(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_label(text);
}

}  // namespace troop::model

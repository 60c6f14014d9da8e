#include "scenarios/model/scenario.hpp"

#include <algorithm>

namespace troop::model {

bool is_plugin_name(std::string_view text) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto fits = [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && lower(text.front()) && text.size() <= 128 && std::ranges::all_of(text, fits);
}

const std::string& place(const std::vector<std::string>& hosts, std::int64_t number, const std::string& otherwise) {
  return hosts.empty() ? otherwise : hosts[static_cast<std::size_t>(number - 1) % hosts.size()];
}

std::string producer_name(std::int64_t number) { return "producer-" + std::to_string(number); }
std::string consumer_name(std::int64_t number) { return "consumer-" + std::to_string(number); }
std::string node_name(std::size_t number) { return number == 1 ? "broker" : "broker-" + std::to_string(number); }
std::string reader_name(std::int64_t number) { return "reader-" + std::to_string(number); }

}  // namespace troop::model

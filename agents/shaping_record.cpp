#include "agents/shaping_record.hpp"

#include "agents/host/process.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

std::int64_t integer(const json::object& state, std::string_view name) {
  const json::value* field = state.if_contains(name);
  return field != nullptr && field->is_int64() ? field->get_int64() : 0;
}

}  // namespace

void note_shaping(json::object& state, const Shaping& shaping) {
  state["boot_id"] = boot_id();
  state["netns"] = static_cast<std::int64_t>(shaping.netns);
  state["class"] = std::int64_t{shaping.number};
  json::array links;
  for (const int link : shaping.links) links.emplace_back(std::int64_t{link});
  state["links"] = std::move(links);
}

Shaping noted_shaping(const json::object& state) {
  const json::value* boot = state.if_contains("boot_id");
  const json::value* links = state.if_contains("links");
  const std::int64_t number = integer(state, "class");
  if (boot == nullptr || *boot != json::value(boot_id()) || links == nullptr || !links->is_array()) return {};
  if (number < 1 || number > 0xffff) return {};
  Shaping shaping{.links = {},
                  .number = static_cast<std::uint16_t>(number),
                  .netns = static_cast<std::uint64_t>(integer(state, "netns"))};
  for (const auto& link : links->get_array()) {
    if (link.is_int64()) shaping.links.push_back(static_cast<int>(link.get_int64()));
  }
  return shaping;
}

}  // namespace troop::agents

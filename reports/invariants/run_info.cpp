#include "reports/invariants/run_info.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace troop::invariants {
namespace {

namespace json = boost::json;

/// The text under the first of `names` that is there.
std::optional<std::string> text(const json::object& object, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (const auto* value = object.if_contains(name); value != nullptr && value->is_string()) {
      return std::string{std::string_view{value->get_string()}};
    }
  }
  return std::nullopt;
}

const json::object* object_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

template <class Visit>
void each_object(const json::object& object, std::string_view name, Visit visit) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return;
  for (const auto& entry : value->get_array()) {
    if (entry.is_object()) visit(entry.get_object());
  }
}

void read_topology(RunInfo& run, const json::object& topology) {
  run.has_topology = topology.contains("bindings");
  each_object(topology, "exchanges", [&](const json::object& entry) {
    run.exchanges.push_back({text(entry, {"name"}).value_or(""), text(entry, {"type"}).value_or("")});
  });
  each_object(topology, "bindings", [&](const json::object& entry) {
    const auto key = text(entry, {"routing_key", "key"});
    run.bindings.push_back({text(entry, {"exchange", "source"}).value_or(""),
                            text(entry, {"queue", "destination"}).value_or(""), key.value_or(""), key.has_value()});
    if (text(entry, {"destination_type"}) == "exchange") run.bindings.back().queue.clear();
  });
}

}  // namespace

void RunInfo::observe(const history::Event& event) {
  if (event.phase == "stop") {
    stopped = true;
    stop_reason = event.reason;
    return;
  }
  started = true;
  boost::system::error_code error;
  const auto value = json::parse(json::string_view{event.line.data(), event.line.size()}, error);
  if (error || !value.is_object()) {
    unreadable = true;
    return;
  }
  const auto& line = value.get_object();
  scenario = text(line, {"scenario"}).value_or("");
  if (const auto* planned = line.if_contains("steps"); planned != nullptr) {
    const auto is_step = [](const json::value& step) { return step.is_object(); };
    unreadable = !planned->is_array() || !std::ranges::all_of(planned->get_array(), is_step);
  }
  if (const auto* topology = object_at(line, "topology")) read_topology(*this, *topology);
  each_object(line, "steps", [&](const json::object& step) {
    steps.push_back({text(step, {"fault", "name"}).value_or(""), text(step, {"victim", "target"}).value_or("")});
  });
  if (const auto* consume = object_at(line, "consume")) {
    const auto ack = text(*consume, {"ack"});
    consumers_acknowledge = ack != "none";
    acks_announced = ack.has_value() && ack != "none";
    const auto* effects = consume->if_contains("effects");
    consumers_record_effects = effects != nullptr && effects->is_bool() && effects->get_bool();
  }
}

std::optional<std::vector<std::string>> RunInfo::route(std::string_view exchange, std::string_view routing_key) const {
  if (!has_topology) return std::nullopt;
  const auto known =
      std::find_if(exchanges.begin(), exchanges.end(), [&](const Exchange& e) { return e.name == exchange; });
  std::string_view type = known == exchanges.end() ? std::string_view{} : known->type;
  if (type.empty() && exchange.starts_with("amq.")) type = exchange.substr(4);
  std::vector<std::string> queues;
  for (const auto& binding : bindings) {
    if (binding.exchange != exchange) continue;
    // Exchanges bound to exchanges, headers and plug-ins' types: we cannot tell where the message goes.
    if (binding.queue.empty()) return std::nullopt;
    const bool takes = type == "fanout"   ? true
                       : type == "topic"  ? topic_matches(binding.routing_key, routing_key)
                       : type == "direct" ? binding.routing_key == routing_key
                                          : !binding.has_routing_key || binding.routing_key == routing_key;
    if (!type.empty() && type != "fanout" && type != "topic" && type != "direct") return std::nullopt;
    if (takes) queues.push_back(binding.queue);
  }
  std::sort(queues.begin(), queues.end());
  queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
  return queues;
}

bool topic_matches(std::string_view pattern, std::string_view key) {
  // Words are split at dots; '*' is one word, '#' is any number of them. An empty text has no words.
  constexpr std::size_t bytes_max = 255;  // AMQP's short strings
  if (pattern.size() > bytes_max || key.size() > bytes_max) return false;
  const auto words = [](std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
      const auto dot = text.find('.');
      out.push_back(text.substr(0, dot));
      if (dot == text.npos) return out;
      text.remove_prefix(dot + 1);
      if (text.empty()) out.emplace_back();
    }
    return out;
  };
  const auto keys = words(key);
  // matches[n]: the words of the pattern so far take the first n words of the key.
  std::vector<bool> matches(keys.size() + 1, false);
  matches[0] = true;
  for (const auto word : words(pattern)) {
    std::vector<bool> next(matches.size(), false);
    if (word == "#") {
      next[0] = matches[0];
      for (std::size_t n = 1; n < next.size(); ++n) next[n] = matches[n] || next[n - 1];
    } else {
      for (std::size_t n = 1; n < next.size(); ++n) {
        next[n] = matches[n - 1] && (word == "*" || word == keys[n - 1]);
      }
    }
    matches = std::move(next);
  }
  return matches.back();
}

}  // namespace troop::invariants

// A broker in memory behind the interface that steers one: it can fail at any call, lie, or be dead.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "agents/rabbitmq/control.hpp"

namespace troop::test {

namespace json = boost::json;

class FakeControl : public agents::BrokerControl {
 public:
  FakeControl() {
    json::object binding{{"source", "shop"}, {"destination", "work"}, {"destination_type", "queue"}};
    binding["routing_key"] = "order";
    binding["arguments"] = json::object{{"x-match", "all"}};
    bindings.push_back(binding);
    queues["work"] = {{"name", "work"}, {"durable", true}, {"auto_delete", false}, {"exclusive", false}};
    queues["work"]["arguments"] = json::object{{"x-max-length", 1000}};
    exchanges["shop"] = {{"name", "shop"}, {"type", "direct"}, {"durable", true}};
    exchanges["shop"]["auto_delete"] = false;
    exchanges["shop"]["internal"] = false;
    exchanges["shop"]["arguments"] = json::object{};
  }

  /// All that is to be as before after an undo: not the messages, and not who is connected.
  [[nodiscard]] std::string picture() const {
    json::object out{{"memory", memory}, {"disk", disk}, {"running", running}, {"listening", listening}};
    for (const auto& [name, queue] : queues) out["queue " + name] = queue;
    for (const auto& [name, exchange] : exchanges) out["exchange " + name] = exchange;
    for (const auto& [name, policy] : policies) out["policy " + name] = policy;
    out["bindings"] = bindings;
    return json::serialize(out);
  }

  json::value memory = 0.4;
  std::int64_t disk = 50'000'000;
  bool running = true;
  bool listening = true;
  std::int64_t messages = 7;
  std::vector<std::string> clients{"producer-1", "consumer-1", ""};
  std::map<std::string, json::object> queues;
  std::map<std::string, json::object> exchanges;
  std::map<std::string, json::object> policies;
  json::array bindings;

  int calls = 0;
  int fails_at = -1;     ///< The call of this number, from 0, does nothing and is an error.
  bool dead = false;     ///< So does every call.
  bool ignores = false;  ///< Says yes and changes nothing.
  ErrorKind failure = ErrorKind::lost;

  Answer<agents::BrokerLimits> limits() override {
    BOOST_OUTCOME_CO_TRY(called());
    co_return now();
  }
  Answer<agents::BrokerLimits> set_memory_limit(json::value limit, bool) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) memory = std::move(limit);
    co_return now();
  }
  Answer<agents::BrokerLimits> set_disk_limit(std::int64_t bytes, bool) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) disk = bytes;
    co_return now();
  }
  Answer<agents::ClosedByBroker> close_connections(std::string client, std::string) override { return close(client); }
  Answer<agents::ClosedByBroker> close_channels(std::string client) override { return close(client); }
  Answer<std::optional<Definition>> queue(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    auto found = find(queues, name);
    if (found) {
      (*found)["bindings"] = bound("destination", name);
      (*found)["messages"] = messages;
      (*found)["policy"] = nullptr;
      (*found)["effective_policy"] = json::object{};
      std::int64_t highest = -1;
      for (const auto& [policy_name, policy] : policies) {
        const std::int64_t priority = policy.at("priority").as_int64();
        if (priority <= highest || !std::regex_search(name, std::regex{policy.at("pattern").as_string().c_str()})) {
          continue;
        }
        highest = priority;
        (*found)["policy"] = policy_name;
        (*found)["effective_policy"] = policy.at("definition");
      }
    }
    co_return found;
  }
  Answer<std::optional<std::int64_t>> delete_queue(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (ignores || !queues.contains(name)) co_return std::optional<std::int64_t>{};
    queues.erase(name);
    unbind_all("destination", name);
    co_return std::optional{std::exchange(messages, 0)};
  }
  Answer<std::optional<std::int64_t>> purge_queue(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!queues.contains(name)) co_return std::optional<std::int64_t>{};
    co_return std::optional{ignores ? 0 : std::exchange(messages, 0)};
  }
  Answer<void> declare_queue(Definition definition) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) declare(queues, std::move(definition));
    co_return success();
  }
  Answer<std::optional<Definition>> exchange(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    auto found = find(exchanges, name);
    if (found) (*found)["bindings"] = bound("source", name);
    co_return found;
  }
  Answer<bool> delete_exchange(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (ignores) co_return false;
    unbind_all("source", name);
    co_return exchanges.erase(name) == 1;
  }
  Answer<void> declare_exchange(Definition definition) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) declare(exchanges, std::move(definition));
    co_return success();
  }
  Answer<void> bind(Definition binding) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) add(binding);
    co_return success();
  }
  Answer<void> unbind(Definition binding) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) remove(json::value(binding));
    co_return success();
  }
  Answer<std::optional<Definition>> policy(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    co_return find(policies, name);
  }
  Answer<void> set_policy(Definition definition) override {
    BOOST_OUTCOME_CO_TRY(called());
    const std::string name{definition.at("name").as_string()};
    if (!ignores) policies[name] = std::move(definition);
    co_return success();
  }
  Answer<void> delete_policy(std::string name) override {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) policies.erase(name);
    co_return success();
  }
  Answer<bool> accepts_clients() override {
    BOOST_OUTCOME_CO_TRY(called());
    co_return running&& listening;
  }
  Answer<void> suspend_listeners() override { return become(listening, false); }
  Answer<void> resume_listeners() override { return become(listening, true); }
  Answer<void> stop_application() override { return become(running, false); }
  Answer<void> start_application() override { return become(running, true); }

 private:
  Result<void> called() {
    const bool fails = dead || calls == fails_at;
    ++calls;
    if (fails) return Error{failure, "the broker does not answer"};
    return success();
  }
  [[nodiscard]] agents::BrokerLimits now() const {
    return {memory, disk, memory.is_int64() && memory.as_int64() < 100'000'000, disk > 1'000'000'000'000};
  }
  static std::optional<json::object> find(const std::map<std::string, json::object>& all, const std::string& name) {
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional{found->second};
  }
  [[nodiscard]] json::array bound(std::string_view end, const std::string& name) const {
    json::array found;
    for (const auto& each : bindings) {
      if (each.at(end).as_string() == std::string_view{name}) found.push_back(each);
    }
    return found;
  }
  void unbind_all(std::string_view end, const std::string& name) {
    for (const auto& gone : bound(end, name)) remove(gone);
  }
  void remove(const json::value& binding) {
    const auto found = std::find(bindings.begin(), bindings.end(), binding);
    if (found != bindings.end()) bindings.erase(found);
  }
  void add(const json::object& binding) {
    for (const auto& each : bindings) {
      if (each == json::value(binding)) return;
    }
    bindings.push_back(binding);
  }
  void declare(std::map<std::string, json::object>& all, Definition definition) {
    for (const auto& each : definition.at("bindings").as_array()) add(each.as_object());
    definition.erase("bindings");
    all.try_emplace(std::string{definition.at("name").as_string()}, definition);
  }
  Answer<agents::ClosedByBroker> close(std::string client) {
    BOOST_OUTCOME_CO_TRY(called());
    agents::ClosedByBroker closed;
    for (const auto& each : clients) {
      if (client.empty() || each == client) closed.clients.push_back(each);
    }
    if (ignores) closed.left = static_cast<std::int64_t>(closed.clients.size());
    co_return closed;
  }
  Answer<void> become(bool& what, bool value) {
    BOOST_OUTCOME_CO_TRY(called());
    if (!ignores) what = value;
    co_return success();
  }
};

}  // namespace troop::test

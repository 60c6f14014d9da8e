#include "agents/rabbitmq/management_control.hpp"

#include <algorithm>

#include "agents/host/elsewhere.hpp"
#include "agents/host/tcp.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration answer_max = std::chrono::milliseconds{500};
constexpr Duration look_max = std::chrono::seconds{10};
constexpr Duration closed_max = std::chrono::seconds{15};  // the API's own view may be some seconds old
constexpr Duration listed_max = std::chrono::seconds{12};  // twice the interval of its statistics, and some
constexpr Duration look_interval = std::chrono::milliseconds{50};

Error beyond() { return {ErrorKind::lost, "the management API cannot do that to an attached broker"}; }
Error not_understood(std::string_view what) {
  return {ErrorKind::lost, "the broker's answer about " + std::string{what} + " is not understood"};
}
Error ended() { return {ErrorKind::cancelled, "waiting for the broker was ended"}; }

/// The text of a field; empty where there is none.
std::string text_of(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  const auto* field = object == nullptr ? nullptr : object->if_contains(name);
  return field != nullptr && field->is_string() ? std::string{field->get_string()} : std::string{};
}

/// The named fields, under the same names; nothing where one is missing.
template <class... Names>
std::optional<json::object> chosen(const json::object& from, Names... names) {
  json::object out;
  const bool complete = ([&](std::string_view name) {
    const auto* field = from.if_contains(name);
    if (field != nullptr) out[name] = *field;
    return field != nullptr;
  }(names) && ...);
  return complete ? std::optional{std::move(out)} : std::nullopt;
}

json::object arguments_of(const json::object& definition) {
  const auto* arguments = definition.if_contains("arguments");
  return arguments != nullptr && arguments->is_object() ? arguments->get_object() : json::object{};
}

/// /bindings/VHOST/e/SOURCE/q|e/DESTINATION
std::string between(const std::string& vhost, const json::object& binding, std::string_view key = {}) {
  const std::string source = text_of(binding, "source"), destination = text_of(binding, "destination");
  const std::string_view kind = text_of(binding, "destination_type") == "exchange" ? "e" : "q";
  std::string path = ManagementApi::path("bindings", vhost, "e", source, kind, destination);
  if (!key.empty()) path.append("/").append(path_segment(key));
  return path;
}

}  // namespace

BrokerControl::Answer<BrokerLimits> ManagementControl::limits() { co_return beyond(); }
BrokerControl::Answer<BrokerLimits> ManagementControl::set_memory_limit(json::value, bool) { co_return beyond(); }
BrokerControl::Answer<BrokerLimits> ManagementControl::set_disk_limit(std::int64_t, bool) { co_return beyond(); }
BrokerControl::Answer<ClosedByBroker> ManagementControl::close_channels(std::string) { co_return beyond(); }
BrokerControl::Answer<void> ManagementControl::suspend_listeners() { co_return beyond(); }
BrokerControl::Answer<void> ManagementControl::resume_listeners() { co_return beyond(); }
BrokerControl::Answer<void> ManagementControl::stop_application() { co_return beyond(); }
BrokerControl::Answer<void> ManagementControl::start_application() { co_return beyond(); }

BrokerControl::Answer<std::vector<ManagementControl::Connection>> ManagementControl::connections() {
  const std::string path = ManagementApi::path("vhosts", api_.vhost(), "connections");
  BOOST_OUTCOME_CO_TRY(auto listed, co_await api_.get(path));
  if (!listed.is_array()) co_return not_understood("connections");
  std::vector<Connection> found;
  for (const auto& each : listed.get_array()) {
    const auto* fields = each.if_object();
    const auto* properties = fields == nullptr ? nullptr : fields->if_contains("client_properties");
    if (properties == nullptr || run_.empty() || text_of(*properties, "troop_run") != run_) continue;
    found.push_back({text_of(each, "name"), text_of(*properties, "connection_name")});
  }
  co_return found;
}

BrokerControl::Answer<std::vector<ManagementControl::Connection>> ManagementControl::connections_of(
    std::string client) {
  const std::vector<std::string> meant = client.empty() ? clients_ : std::vector<std::string>{client};
  const std::int64_t deadline = monotonic_ns() + listed_max.count();
  while (true) {
    if (stopping_) co_return ended();
    BOOST_OUTCOME_CO_TRY(auto open, co_await connections());
    std::erase_if(open, [&](const Connection& one) { return std::ranges::find(meant, one.client) == meant.end(); });
    const bool all = std::ranges::all_of(meant, [&](const std::string& name) {
      return std::ranges::find(open, name, &Connection::client) != open.end();
    });
    if (all || monotonic_ns() >= deadline) co_return open;
    co_await pause_for(look_interval);
  }
}

BrokerControl::Answer<ClosedByBroker> ManagementControl::close_connections(std::string client, std::string reason) {
  ClosedByBroker result;
  std::vector<std::string> closed;
  BOOST_OUTCOME_CO_TRY(auto open, co_await connections_of(std::move(client)));
  for (const auto& connection : open) {
    const std::string path = ManagementApi::path("connections", connection.name);
    BOOST_OUTCOME_CO_TRY(const auto was_there, co_await api_.remove(path, reason));
    if (!was_there) continue;  // it went by itself meanwhile: none that we closed
    closed.push_back(connection.name);
    result.clients.push_back(connection.client);
  }
  const std::int64_t deadline = monotonic_ns() + closed_max.count();
  while (true) {
    if (stopping_) co_return ended();
    BOOST_OUTCOME_CO_TRY(open, co_await connections());
    result.left = std::ranges::count_if(
        open, [&](const Connection& one) { return std::ranges::find(closed, one.name) != closed.end(); });
    if (result.left == 0 || monotonic_ns() >= deadline) co_return result;
    co_await pause_for(look_interval);
  }
}

BrokerControl::Answer<std::int64_t> ManagementControl::ready(std::string queue) {
  const std::function<Result<QueueDepth>()> look = [address = address_, queue] {
    return queue_depth(address, queue, look_max);
  };
  BOOST_OUTCOME_CO_TRY(const auto depth, co_await elsewhere(look));
  co_return std::int64_t{depth.ready};
}

BrokerControl::Answer<json::array> ManagementControl::bindings(std::string path) {
  BOOST_OUTCOME_CO_TRY(auto listed, co_await api_.get(std::move(path)));
  if (!listed.is_array()) co_return not_understood("bindings");
  json::array found;
  for (const auto& each : listed.get_array()) {
    auto binding = each.is_object() ? chosen(each.get_object(), "source", "destination", "destination_type",
                                             "routing_key", "arguments")
                                    : std::nullopt;
    if (!binding) co_return not_understood("bindings");
    if (text_of(*binding, "source").empty()) continue;  // the default exchange's are nobody's to change
    found.emplace_back(std::move(*binding));
  }
  co_return found;
}

BrokerControl::Answer<json::value> ManagementControl::look_at_queue(std::string path) {
  while (true) {
    BOOST_OUTCOME_CO_TRY(auto found, co_await api_.get(path));
    const bool told = policy_.empty() || text_of(found, "policy") == policy_ || monotonic_ns() >= policy_told_by_;
    if (told || stopping_ || found.is_null()) co_return found;
    co_await pause_for(look_interval);
  }
}

BrokerControl::Answer<std::optional<json::object>> ManagementControl::queue(std::string name) {
  const std::string path = ManagementApi::path("queues", api_.vhost(), name);
  BOOST_OUTCOME_CO_TRY(auto found, co_await look_at_queue(path));
  if (found.is_null()) co_return std::optional<json::object>{};
  auto definition = found.is_object()
                        ? chosen(found.get_object(), "name", "durable", "auto_delete", "exclusive", "arguments")
                        : std::nullopt;
  if (!definition) co_return not_understood("queue " + name);
  BOOST_OUTCOME_CO_TRY(auto bound, co_await bindings(path + "/bindings"));
  BOOST_OUTCOME_CO_TRY(const auto messages, co_await ready(name));
  (*definition)["bindings"] = std::move(bound);
  (*definition)["messages"] = messages;
  const auto* policy = found.get_object().if_contains("policy");
  const auto* effective = found.get_object().if_contains("effective_policy_definition");
  (*definition)["policy"] = policy == nullptr ? json::value(nullptr) : *policy;
  // An empty definition is told as an empty list.
  const bool is_object = effective != nullptr && effective->is_object();
  (*definition)["effective_policy"] = is_object ? *effective : json::value(json::object());
  co_return definition;
}

BrokerControl::Answer<std::optional<std::int64_t>> ManagementControl::delete_queue(std::string name) {
  const auto messages = co_await ready(name);
  const std::string path = ManagementApi::path("queues", api_.vhost(), name);
  BOOST_OUTCOME_CO_TRY(const auto existed, co_await api_.remove(path));
  if (!existed) co_return std::optional<std::int64_t>{};
  co_return std::optional<std::int64_t>{messages.has_value() ? messages.value() : 0};
}

BrokerControl::Answer<std::optional<std::int64_t>> ManagementControl::purge_queue(std::string name) {
  const std::string path = ManagementApi::path("queues", api_.vhost(), name);
  BOOST_OUTCOME_CO_TRY(const auto before, co_await ready(name));
  BOOST_OUTCOME_CO_TRY(const auto existed, co_await api_.remove(path + "/contents"));
  if (!existed) co_return std::optional<std::int64_t>{};
  co_return std::optional<std::int64_t>{before};
}

BrokerControl::Answer<void> ManagementControl::bind_all(const json::value& bindings) {
  if (!bindings.is_array()) co_return not_understood("bindings");
  for (const auto& binding : bindings.get_array()) {
    if (!binding.is_object()) co_return not_understood("bindings");
    BOOST_OUTCOME_CO_TRY(co_await bind(binding.get_object()));
  }
  co_return success();
}

BrokerControl::Answer<void> ManagementControl::declare_queue(json::object definition) {
  const std::string path = ManagementApi::path("queues", api_.vhost(), text_of(definition, "name"));
  BOOST_OUTCOME_CO_TRY(auto found, co_await api_.get(path));
  if (found.is_null()) {
    auto body = chosen(definition, "durable", "auto_delete");
    if (!body) co_return not_understood("a queue's definition");
    (*body)["arguments"] = arguments_of(definition);
    BOOST_OUTCOME_CO_TRY(co_await api_.put(path, std::move(*body)));
  }
  const json::value bound = definition.contains("bindings") ? definition.at("bindings") : json::value(json::array());
  co_return co_await bind_all(bound);
}

BrokerControl::Answer<std::optional<json::object>> ManagementControl::exchange(std::string name) {
  const std::string path = ManagementApi::path("exchanges", api_.vhost(), name);
  BOOST_OUTCOME_CO_TRY(auto found, co_await api_.get(path));
  if (found.is_null()) co_return std::optional<json::object>{};
  auto definition = found.is_object()
                        ? chosen(found.get_object(), "name", "type", "durable", "auto_delete", "internal", "arguments")
                        : std::nullopt;
  if (!definition) co_return not_understood("exchange " + name);
  BOOST_OUTCOME_CO_TRY(auto leaving, co_await bindings(path + "/bindings/source"));
  BOOST_OUTCOME_CO_TRY(auto arriving, co_await bindings(path + "/bindings/destination"));
  for (auto& binding : arriving) leaving.push_back(std::move(binding));
  (*definition)["bindings"] = std::move(leaving);
  co_return definition;
}

BrokerControl::Answer<bool> ManagementControl::delete_exchange(std::string name) {
  co_return co_await api_.remove(ManagementApi::path("exchanges", api_.vhost(), name));
}

BrokerControl::Answer<void> ManagementControl::declare_exchange(json::object definition) {
  const std::string path = ManagementApi::path("exchanges", api_.vhost(), text_of(definition, "name"));
  BOOST_OUTCOME_CO_TRY(auto found, co_await api_.get(path));
  if (found.is_null()) {
    auto body = chosen(definition, "type", "durable", "auto_delete", "internal");
    if (!body) co_return not_understood("an exchange's definition");
    (*body)["arguments"] = arguments_of(definition);
    BOOST_OUTCOME_CO_TRY(co_await api_.put(path, std::move(*body)));
  }
  const json::value bound = definition.contains("bindings") ? definition.at("bindings") : json::value(json::array());
  co_return co_await bind_all(bound);
}

BrokerControl::Answer<void> ManagementControl::bind(json::object binding) {
  json::object body{{"routing_key", text_of(binding, "routing_key")}};
  body["arguments"] = arguments_of(binding);
  co_return co_await api_.post(between(api_.vhost(), binding), std::move(body));
}

BrokerControl::Answer<void> ManagementControl::unbind(json::object binding) {
  BOOST_OUTCOME_CO_TRY(auto listed, co_await api_.get(between(api_.vhost(), binding)));
  if (!listed.is_array()) co_return not_understood("bindings");
  for (const auto& each : listed.get_array()) {
    if (!each.is_object() || text_of(each, "routing_key") != text_of(binding, "routing_key")) continue;
    if (arguments_of(each.get_object()) != arguments_of(binding)) continue;
    BOOST_OUTCOME_CO_TRY(co_await api_.remove(between(api_.vhost(), binding, text_of(each, "properties_key"))));
    co_return success();
  }
  co_return Error{ErrorKind::lost, "there is no such binding"};
}

BrokerControl::Answer<std::optional<json::object>> ManagementControl::policy(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto found, co_await api_.get(ManagementApi::path("policies", api_.vhost(), name)));
  if (found.is_null()) co_return std::optional<json::object>{};
  auto policy =
      found.is_object() ? chosen(found.get_object(), "name", "pattern", "priority", "definition") : std::nullopt;
  if (!policy || text_of(found, "apply-to").empty()) co_return not_understood("policy " + name);
  (*policy)["apply_to"] = text_of(found, "apply-to");
  co_return policy;
}

BrokerControl::Answer<void> ManagementControl::set_policy(json::object definition) {
  auto body = chosen(definition, "pattern", "priority", "definition");
  if (!body) co_return not_understood("a policy's definition");
  (*body)["apply-to"] = text_of(definition, "apply_to");
  policy_ = text_of(definition, "name");
  policy_told_by_ = monotonic_ns() + listed_max.count();
  co_return co_await api_.put(ManagementApi::path("policies", api_.vhost(), text_of(definition, "name")),
                              std::move(*body));
}

BrokerControl::Answer<void> ManagementControl::delete_policy(std::string name) {
  policy_.clear();
  BOOST_OUTCOME_CO_TRY(co_await api_.remove(ManagementApi::path("policies", api_.vhost(), name)));
  co_return success();
}

BrokerControl::Answer<bool> ManagementControl::accepts_clients() {
  const AmqpAnswer answer = co_await ask_amqp(address_, answer_max);
  co_return answer == AmqpAnswer::ready;
}

}  // namespace troop::agents

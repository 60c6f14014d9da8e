#include "agents/protocol/messages.hpp"

#include <arpa/inet.h>

#include "agents/protocol/fields.hpp"

namespace troop::protocol {
namespace json = boost::json;
namespace {

json::value value_json(const model::Value& value) {
  struct Printer {
    json::value operator()(bool b) const { return b; }
    json::value operator()(std::int64_t i) const { return i; }
    json::value operator()(double d) const { return d; }
    json::value operator()(Duration d) const { return json::object{{"ns", d.count()}}; }
    json::value operator()(const std::string& s) const { return json::string{s}; }
    json::value operator()(const std::vector<std::string>& list) const {
      json::array out;
      for (const auto& entry : list) out.emplace_back(entry);
      return out;
    }
  };
  return std::visit(Printer{}, value);
}

std::optional<model::Value> value_from(const json::value& value) {
  if (const bool* flag = value.if_bool()) return *flag;
  if (const auto* number = value.if_int64()) return *number;
  if (const double* number = value.if_double()) return *number;
  if (const auto* text = value.if_string()) return std::string{*text};
  if (const auto* object = value.if_object()) {
    const json::value* ns = object->if_contains("ns");
    if (ns == nullptr || !ns->is_int64()) return std::nullopt;
    return Duration{ns->get_int64()};
  }
  if (const auto* array = value.if_array()) {
    std::vector<std::string> list;
    for (const auto& entry : *array) {
      if (!entry.is_string()) return std::nullopt;
      list.emplace_back(entry.get_string());
    }
    return list;
  }
  return std::nullopt;
}

json::object attach_json(const model::BrokerAttachment& attach) {
  return {{"url_from", attach.url_from},
          {"management_from", attach.management_from},
          {"ca_file", attach.ca_file},
          {"vhost", attach.vhost},
          {"create", attach.create},
          {"shared_vhost", attach.shared_vhost},
          {"allow", json::array(attach.allow.begin(), attach.allow.end())},
          {"systemd", attach.control.systemd},
          {"docker", attach.control.docker},
          {"pid_file", attach.control.pid_file},
          {"command", attach.control.command}};
}

Result<model::BrokerAttachment> attach_from(const json::value& value) {
  constexpr std::size_t allowed_max = 256;
  model::BrokerAttachment attach;
  Fields fields{value};
  fields.take("url_from", attach.url_from);
  fields.take("management_from", attach.management_from);
  fields.take("ca_file", attach.ca_file);
  fields.take("vhost", attach.vhost);
  fields.take("create", attach.create);
  fields.take("shared_vhost", attach.shared_vhost);
  fields.take_each("allow", allowed_max, [&](const json::value& entry) {
    if (entry.is_string()) attach.allow.emplace_back(entry.get_string());
    return entry.is_string();
  });
  fields.take("systemd", attach.control.systemd);
  fields.take("docker", attach.control.docker);
  fields.take("pid_file", attach.control.pid_file);
  fields.take("command", attach.control.command);
  if (!fields.good()) return fields.error("broker: attach");
  return attach;
}

Result<const json::array*> list_of_hosts(const json::value& value) {
  constexpr std::size_t hosts_max = 256;
  const auto* list = value.if_array();
  if (list == nullptr || list->size() > hosts_max) return broken("field 'hosts' is missing or wrong");
  return list;
}

/// `host`: a model::Host or a HostPlace.
void take_host(Fields& fields, auto& host) {
  fields.take("name", host.name);
  fields.take("netns", host.netns);
  fields.take("address", host.address);
}

/// Empty: there is none.
bool is_address(int family, const std::string& text) {
  in6_addr parsed{};
  return text.empty() || inet_pton(family, text.c_str(), &parsed) == 1;
}

}  // namespace

json::object to_json(const model::Host& host) {
  return {{"name", host.name}, {"netns", host.netns}, {"address", host.address}};
}

json::object to_json(const HostPlace& host) {
  return {{"name", host.name}, {"netns", host.netns}, {"address", host.address}, {"address6", host.address6}};
}

Result<std::vector<model::Host>> hosts_from_json(const json::value& value) {
  BOOST_OUTCOME_TRY(const auto* const list, list_of_hosts(value));
  std::vector<model::Host> hosts;
  for (const auto& entry : *list) {
    Fields fields{entry};
    take_host(fields, hosts.emplace_back());
    if (!fields.good()) return fields.error("host");
    if (!is_address(AF_INET, hosts.back().address)) return broken("host: field 'address' is wrong");
  }
  return hosts;
}

Result<std::vector<HostPlace>> places_from_json(const json::value& value) {
  BOOST_OUTCOME_TRY(const auto* const list, list_of_hosts(value));
  std::vector<HostPlace> hosts;
  for (const auto& entry : *list) {
    Fields fields{entry};
    take_host(fields, hosts.emplace_back());
    fields.take("address6", hosts.back().address6);
    if (!fields.good()) return fields.error("host");
    if (!is_address(AF_INET, hosts.back().address)) return broken("host: field 'address' is wrong");
    if (!is_address(AF_INET6, hosts.back().address6)) return broken("host: field 'address6' is wrong");
  }
  return hosts;
}

json::object to_json(const model::Broker& broker) {
  json::object out{{"kind", broker.kind},
                   {"managed", broker.managed},
                   {"port", broker.port},
                   {"binary", broker.binary},
                   {"start_timeout", broker.start_timeout.count()},
                   {"plugins", json::array(broker.plugins.begin(), broker.plugins.end())},
                   {"plugins_dir", broker.plugins_dir},
                   {"disk_mib", broker.disk_mib},
                   {"host", broker.host},
                   {"nodes_on", json::array(broker.nodes_on.begin(), broker.nodes_on.end())},
                   {"on_partition", static_cast<int>(broker.on_partition)},
                   {"net_ticktime", broker.net_ticktime.count()}};
  if (broker.attach) out["attach"] = attach_json(*broker.attach);
  return out;
}

json::object to_json(const StepOrder& step) {
  json::object parameters;
  for (const auto& [name, value] : step.parameters) parameters[name] = value_json(value);
  json::object out{
      {"number", step.number}, {"fault", step.fault}, {"victim", step.victim}, {"parameters", std::move(parameters)}};
  out["seed"] = static_cast<std::int64_t>(step.seed);
  if (step.period) out["period"] = step.period->count();
  return out;
}

json::object to_json(const Error& error) {
  return {{"kind", static_cast<int>(error.kind)}, {"message", error.context}};
}

Result<model::Broker> broker_from_json(const json::value& value) {
  constexpr std::size_t plugins_max = 256, nodes_max = 16;
  model::Broker broker;
  Fields fields{value};
  fields.take("kind", broker.kind);
  fields.take("managed", broker.managed);
  fields.take("port", broker.port);
  fields.take("binary", broker.binary);
  fields.take("start_timeout", broker.start_timeout);
  fields.take("plugins_dir", broker.plugins_dir);
  fields.take("disk_mib", broker.disk_mib);
  fields.take("host", broker.host);
  fields.take_each("nodes_on", nodes_max, [&](const json::value& entry) {
    if (entry.is_string()) broker.nodes_on.emplace_back(entry.get_string());
    return entry.is_string();
  });
  fields.take_enum("on_partition", broker.on_partition, 2);
  fields.take("net_ticktime", broker.net_ticktime, 1'000'000'000);
  fields.take_each("plugins", plugins_max, [&](const json::value& entry) {
    const bool good = entry.is_string() && model::is_plugin_name(entry.get_string());
    if (good) broker.plugins.emplace_back(entry.get_string());
    return good;
  });
  if (!fields.good()) return fields.error("broker");
  if (const json::value* attach = value.get_object().if_contains("attach")) {
    BOOST_OUTCOME_TRY(broker.attach, attach_from(*attach));
  }
  if (broker.managed == broker.attach.has_value()) return broken("broker: fields 'managed' and 'attach' disagree");
  return broker;
}

Result<StepOrder> step_from_json(const json::value& value) {
  StepOrder step;
  Fields fields{value};
  fields.take("number", step.number);
  fields.take("fault", step.fault);
  fields.take("victim", step.victim);
  std::int64_t seed = 0;
  fields.take("seed", seed);
  if (!fields.good()) return fields.error("step");
  step.seed = static_cast<std::uint64_t>(seed);
  const json::object& object = value.get_object();
  if (const json::value* period = object.if_contains("period")) {
    if (!period->is_int64() || period->get_int64() < 0) return broken("step: field 'period' is wrong");
    step.period = Duration{period->get_int64()};
  }
  const json::value* parameters = object.if_contains("parameters");
  if (parameters == nullptr || !parameters->is_object()) return broken("step: field 'parameters' is missing or wrong");
  for (const auto& [name, field] : parameters->get_object()) {
    auto parameter = value_from(field);
    if (!parameter) return broken("step: parameter '" + std::string{name} + "' is wrong");
    step.parameters.emplace(std::string{name}, std::move(*parameter));
  }
  return step;
}

Error error_from_json(const json::value& value) {
  std::int64_t kind = 0;
  Error error{ErrorKind::protocol, "the agent failed and did not say why"};
  Fields fields{value};
  fields.take("kind", kind);
  fields.take("message", error.context);
  if (fields.good() && kind >= 0 && kind <= static_cast<int>(ErrorKind::cancelled)) {
    error.kind = static_cast<ErrorKind>(kind);
  }
  return error;
}

Result<json::object> parse_message(std::string_view body) {
  json::error_code failure;
  json::parse_options options;
  options.max_depth = 16;
  json::value value = json::parse(body, failure, {}, options);
  if (failure || !value.is_object()) return broken("a message that is no JSON object");
  return std::move(value.get_object());
}

Result<std::int64_t> integer_field(const json::object& message, std::string_view name) {
  const json::value* field = message.if_contains(name);
  if (field == nullptr || !field->is_int64()) return broken("field '" + std::string{name} + "' is missing or wrong");
  return field->get_int64();
}

Result<std::string> text_field(const json::object& message, std::string_view name) {
  const json::value* field = message.if_contains(name);
  if (field == nullptr || !field->is_string()) return broken("field '" + std::string{name} + "' is missing or wrong");
  return std::string{field->get_string()};
}

}  // namespace troop::protocol

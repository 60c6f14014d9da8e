#include "agents/protocol/messages.hpp"

#include <cmath>

namespace troop::protocol {
namespace json = boost::json;
namespace {

// Beyond these a number is nonsense, whoever sent it; what a scenario may ask for is narrower and the reader's matter.
constexpr std::int64_t workers_max = 1000;
constexpr std::int64_t copies_max = 1000;
constexpr double rate_max = 1e9;
constexpr std::int64_t payload_bytes_max = 128 << 20;
constexpr std::int64_t window_max = 1'000'000;
constexpr double multiplier_max = 1e6;

Error broken(std::string what) { return {ErrorKind::protocol, std::move(what)}; }

/// Reads the fields of one object and remembers the first thing that was wrong with them.
class Fields {
 public:
  explicit Fields(const json::value& value) : object_(value.if_object()) {
    if (object_ == nullptr) problem_ = "not an object";
  }

  void take(std::string_view name, std::int64_t& out, std::int64_t least = INT64_MIN, std::int64_t most = INT64_MAX) {
    if (const json::value* field = find(name)) {
      const auto* number = field->if_int64();
      if (number != nullptr && *number >= least && *number <= most)
        out = *number;
      else
        fail(name);
    }
  }
  void take(std::string_view name, std::uint16_t& out) {
    std::int64_t wide = 0;
    take(name, wide, 0, UINT16_MAX);
    out = static_cast<std::uint16_t>(wide);
  }
  void take(std::string_view name, Duration& out, std::int64_t least = 0) {
    std::int64_t count = 0;
    take(name, count, least);
    out = Duration{count};
  }
  void take(std::string_view name, double& out, double least, double most) {
    if (const json::value* field = find(name)) {
      const double number = field->is_number() ? field->to_number<double>() : std::nan("");
      if (number >= least && number <= most)
        out = number;
      else
        fail(name);
    }
  }
  void take(std::string_view name, bool& out) {
    if (const json::value* field = find(name)) {
      if (const bool* flag = field->if_bool())
        out = *flag;
      else
        fail(name);
    }
  }
  void take(std::string_view name, std::string& out) {
    if (const json::value* field = find(name)) {
      if (const auto* text = field->if_string())
        out.assign(text->data(), text->size());
      else
        fail(name);
    }
  }
  /// Null: not set.
  template <class T>
  void take_optional(std::string_view name, std::optional<T>& out, std::int64_t least) {
    const json::value* field = find(name);
    if (field == nullptr || field->is_null()) return;
    out.emplace();
    take(name, *out, least);
  }
  template <class E>
  void take_enum(std::string_view name, E& out, std::int64_t last) {
    std::int64_t number = 0;
    take(name, number, 0, last);
    out = static_cast<E>(number);
  }
  /// The fields of an object within this one; where it is none, that is what is wrong here.
  Fields part(std::string_view name) {
    static const json::value nothing = json::object{};
    const json::value* found = find(name);
    if (found != nullptr && !found->is_object()) fail(name);
    return Fields{found == nullptr ? nothing : *found};
  }
  const json::value* find(std::string_view name) {
    if (object_ == nullptr) return nullptr;
    const json::value* field = object_->if_contains(name);
    if (field == nullptr) fail(name);
    return field;
  }
  /// What is wrong with a part is wrong with the whole.
  void adopt(const Fields& part) {
    if (problem_.empty()) problem_ = part.problem_;
  }
  [[nodiscard]] bool good() const { return problem_.empty(); }
  [[nodiscard]] Error error(std::string_view what) const { return broken(std::string{what} + ": " + problem_); }

 private:
  void fail(std::string_view name) {
    if (problem_.empty()) problem_ = "field '" + std::string{name} + "' is missing or wrong";
  }
  const json::object* object_;
  std::string problem_;
};

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

}  // namespace

json::object to_json(const model::Broker& broker) {
  return {{"kind", broker.kind},
          {"managed", broker.managed},
          {"port", broker.port},
          {"binary", broker.binary},
          {"start_timeout", broker.start_timeout.count()}};
}

namespace {

json::value optional_json(const std::optional<Duration>& duration) {
  return duration ? json::value(duration->count()) : json::value();
}
json::value optional_json(const std::optional<std::int64_t>& number) {
  return number ? json::value(*number) : json::value();
}

json::object exchange_json(const model::Exchange& exchange) {
  return {{"name", exchange.name},
          {"type", static_cast<int>(exchange.type)},
          {"durable", exchange.durable},
          {"exists", exchange.exists},
          {"bound", exchange.bound}};
}

json::object queue_json(const model::Queue& queue) {
  json::object out{{"name", queue.name},
                   {"type", static_cast<int>(queue.type)},
                   {"durable", queue.durable},
                   {"copies", queue.copies},
                   {"lazy", queue.lazy},
                   {"single_active_consumer", queue.single_active_consumer},
                   {"max_priority", queue.max_priority},
                   {"message_ttl", optional_json(queue.message_ttl)},
                   {"expires", optional_json(queue.expires)},
                   {"max_length", optional_json(queue.max_length)},
                   {"overflow", static_cast<int>(queue.overflow)},
                   {"delivery_limit", optional_json(queue.delivery_limit)},
                   {"dead_letter", nullptr}};
  if (const auto& dead = queue.dead_letter) {
    out["dead_letter"] = json::object{{"exchange", dead->exchange}, {"queue", dead->queue}, {"exists", dead->exists}};
  }
  return out;
}

}  // namespace

json::object to_json(const model::Workload& w) {
  const auto& retry = w.publish.retry;
  return {{"kind", w.kind},
          {"producers", w.producers},
          {"consumers", w.consumers},
          {"rate", w.rate},
          {"payload_bytes", w.payload_bytes},
          {"keys", w.keys},
          {"exchange", exchange_json(w.exchange)},
          {"queue", queue_json(w.queue)},
          {"publish",
           {{"persistent", w.publish.persistent},
            {"confirm", static_cast<int>(w.publish.confirm)},
            {"window", w.publish.window},
            {"mandatory", w.publish.mandatory},
            {"retry",
             {{"attempts", retry.attempts},
              {"initial", retry.initial.count()},
              {"multiplier", retry.multiplier},
              {"max", retry.max.count()},
              {"jitter", retry.jitter},
              {"timeout", retry.timeout.count()}}}}},
          {"consume",
           {{"ack", static_cast<int>(w.consume.ack)},
            {"ack_when", static_cast<int>(w.consume.ack_when)},
            {"prefetch", w.consume.prefetch},
            {"work", w.consume.work.count()},
            {"effects", w.consume.effects},
            {"poison_every", w.consume.poison_every},
            {"attempts", w.consume.attempts},
            {"on_failure", static_cast<int>(w.consume.on_failure)}}}};
}

json::object to_json(const StepOrder& step) {
  json::object parameters;
  for (const auto& [name, value] : step.parameters) parameters[name] = value_json(value);
  json::object out{
      {"number", step.number}, {"fault", step.fault}, {"victim", step.victim}, {"parameters", std::move(parameters)}};
  if (step.period) out["period"] = step.period->count();
  return out;
}

json::object to_json(const Error& error) {
  return {{"kind", static_cast<int>(error.kind)}, {"message", error.context}};
}

Result<model::Broker> broker_from_json(const json::value& value) {
  model::Broker broker;
  Fields fields{value};
  fields.take("kind", broker.kind);
  fields.take("managed", broker.managed);
  fields.take("port", broker.port);
  fields.take("binary", broker.binary);
  fields.take("start_timeout", broker.start_timeout);
  if (!fields.good()) return fields.error("broker");
  return broker;
}

namespace {

void take_exchange(Fields& fields, model::Exchange& exchange) {
  fields.take("name", exchange.name);
  fields.take_enum("type", exchange.type, 2);
  fields.take("durable", exchange.durable);
  fields.take("exists", exchange.exists);
  fields.take("bound", exchange.bound);
}

void take_queue(Fields& fields, model::Queue& queue) {
  fields.take("name", queue.name);
  fields.take_enum("type", queue.type, 1);
  fields.take("durable", queue.durable);
  fields.take("copies", queue.copies, 1, copies_max);
  fields.take("lazy", queue.lazy);
  fields.take("single_active_consumer", queue.single_active_consumer);
  fields.take("max_priority", queue.max_priority, 0, 255);
  fields.take_optional("message_ttl", queue.message_ttl, 0);
  fields.take_optional("expires", queue.expires, 1);
  fields.take_optional("max_length", queue.max_length, 1);
  fields.take_enum("overflow", queue.overflow, 2);
  fields.take_optional("delivery_limit", queue.delivery_limit, 1);
  const json::value* dead = fields.find("dead_letter");
  if (dead == nullptr || dead->is_null()) return;
  Fields part = fields.part("dead_letter");
  queue.dead_letter.emplace();
  part.take("exchange", queue.dead_letter->exchange);
  part.take("queue", queue.dead_letter->queue);
  part.take("exists", queue.dead_letter->exists);
  fields.adopt(part);
}

}  // namespace

Result<model::Workload> workload_from_json(const json::value& value) {
  model::Workload w;
  Fields fields{value};
  fields.take("kind", w.kind);
  fields.take("producers", w.producers, 0, workers_max);
  fields.take("consumers", w.consumers, 0, workers_max);
  fields.take("rate", w.rate, 0, rate_max);
  fields.take("payload_bytes", w.payload_bytes, 0, payload_bytes_max);
  fields.take("keys", w.keys, 1, INT32_MAX);
  Fields exchange = fields.part("exchange");
  take_exchange(exchange, w.exchange);
  Fields queue = fields.part("queue");
  take_queue(queue, w.queue);
  Fields publish = fields.part("publish");
  publish.take("persistent", w.publish.persistent);
  publish.take_enum("confirm", w.publish.confirm, 2);
  publish.take("window", w.publish.window, 1, window_max);
  publish.take("mandatory", w.publish.mandatory);
  Fields retry = publish.part("retry");
  retry.take("attempts", w.publish.retry.attempts, 1, UINT16_MAX);
  retry.take("initial", w.publish.retry.initial);
  retry.take("multiplier", w.publish.retry.multiplier, 0, multiplier_max);
  retry.take("max", w.publish.retry.max);
  retry.take("jitter", w.publish.retry.jitter, 0, 1);
  retry.take("timeout", w.publish.retry.timeout, 1);
  Fields consume = fields.part("consume");
  consume.take_enum("ack", w.consume.ack, 2);
  consume.take("prefetch", w.consume.prefetch, 0, UINT16_MAX);
  consume.take_enum("ack_when", w.consume.ack_when, 1);
  consume.take("work", w.consume.work);
  consume.take("effects", w.consume.effects);
  consume.take("poison_every", w.consume.poison_every, 0);
  consume.take("attempts", w.consume.attempts, 1);
  consume.take_enum("on_failure", w.consume.on_failure, 1);
  for (const Fields* each : {&fields, &exchange, &queue, &publish, &retry, &consume}) {
    if (!each->good()) return each->error("workload");
  }
  return w;
}

Result<StepOrder> step_from_json(const json::value& value) {
  StepOrder step;
  Fields fields{value};
  fields.take("number", step.number);
  fields.take("fault", step.fault);
  fields.take("victim", step.victim);
  if (!fields.good()) return fields.error("step");
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

// The workload as it travels from controller to agent, and on to the workers.
#include "agents/protocol/fields.hpp"
#include "agents/protocol/messages.hpp"

namespace troop::protocol {
namespace {

// Beyond these a number is nonsense, whoever sent it; what a scenario may ask for is narrower and the reader's matter.
constexpr std::int64_t workers_max = 1000;
constexpr std::int64_t copies_max = 1000;
constexpr double rate_max = 1e9;
constexpr std::int64_t payload_bytes_max = 128 << 20;
constexpr std::int64_t window_max = 1'000'000;
constexpr double multiplier_max = 1e6;
constexpr std::size_t lists_max = 256;

json::value optional_json(const std::optional<Duration>& duration) {
  return duration ? json::value(duration->count()) : json::value();
}
json::value optional_json(const std::optional<std::int64_t>& number) {
  return number ? json::value(*number) : json::value();
}

json::array delays_json(const std::vector<Duration>& delays) {
  json::array out;
  for (const Duration delay : delays) out.emplace_back(delay.count());
  return out;
}

json::object consume_json(const model::Consume& consume) {
  return {
      {"ack", static_cast<int>(consume.ack)},
      {"ack_when", static_cast<int>(consume.ack_when)},
      {"prefetch", consume.prefetch},
      {"work", consume.work.count()},
      {"effects", consume.effects},
      {"poison_every", consume.poison_every},
      {"attempts", consume.attempts},
      {"on_failure", static_cast<int>(consume.on_failure)},
      {"error", {{"exchange", consume.error.exchange}, {"queue", consume.error.queue}, {"bound", consume.error.bound}}},
      {"idempotency", static_cast<int>(consume.idempotency)}};
}

json::array profile_json(const std::vector<model::RateChange>& profile) {
  json::array out;
  for (const auto& change : profile) {
    out.push_back({{"at", change.at.count()}, {"rate", change.rate}, {"over", change.over.count()}});
  }
  return out;
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
                   {"mirrored", queue.mirrored},
                   {"declared_on", queue.declared_on},
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
          {"producers_on", json::array(w.producers_on.begin(), w.producers_on.end())},
          {"consumers_on", json::array(w.consumers_on.begin(), w.consumers_on.end())},
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
            {"priorities", w.publish.priorities},
            {"expiration", optional_json(w.publish.expiration)},
            {"delays", delays_json(w.publish.delays)},
            {"delays_by", static_cast<int>(w.publish.delays_by)},
            {"retry",
             {{"attempts", retry.attempts},
              {"initial", retry.initial.count()},
              {"multiplier", retry.multiplier},
              {"max", retry.max.count()},
              {"jitter", retry.jitter},
              {"timeout", retry.timeout.count()},
              {"blocking", retry.blocking}}}}},
          {"consume", consume_json(w.consume)},
          {"profile", profile_json(w.profile)}};
}

namespace {

void take_names(Fields& fields, std::string_view name, std::vector<std::string>& out) {
  fields.take_each(name, lists_max, [&](const json::value& entry) {
    if (entry.is_string()) out.emplace_back(entry.get_string());
    return entry.is_string();
  });
}

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
  fields.take("mirrored", queue.mirrored);
  fields.take("declared_on", queue.declared_on);
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

void take_delays(Fields& fields, std::vector<Duration>& out) {
  fields.take_each("delays", lists_max, [&](const json::value& entry) {
    const auto* delay = entry.if_int64();
    if (delay != nullptr && *delay > 0) out.emplace_back(*delay);
    return delay != nullptr && *delay > 0;
  });
}

void take_consume(Fields& fields, model::Consume& consume) {
  fields.take_enum("ack", consume.ack, 2);
  fields.take("prefetch", consume.prefetch, 0, UINT16_MAX);
  fields.take_enum("ack_when", consume.ack_when, 1);
  fields.take("work", consume.work);
  fields.take("effects", consume.effects);
  fields.take("poison_every", consume.poison_every, 0);
  fields.take("attempts", consume.attempts, 1);
  fields.take_enum("on_failure", consume.on_failure, 2);
  Fields error = fields.part("error");
  error.take("exchange", consume.error.exchange);
  error.take("queue", consume.error.queue);
  error.take("bound", consume.error.bound);
  fields.adopt(error);
  fields.take_enum("idempotency", consume.idempotency, 2);
}

void take_profile(Fields& fields, std::vector<model::RateChange>& out) {
  fields.take_each("profile", lists_max, [&](const json::value& entry) {
    Fields change{entry};
    change.take("at", out.emplace_back().at);
    change.take("rate", out.back().rate, 0, rate_max);
    change.take("over", out.back().over);
    return change.good();
  });
}

}  // namespace

Result<model::Workload> workload_from_json(const json::value& value) {
  model::Workload w;
  Fields fields{value};
  fields.take("kind", w.kind);
  fields.take("producers", w.producers, 0, workers_max);
  fields.take("consumers", w.consumers, 0, workers_max);
  take_names(fields, "producers_on", w.producers_on);
  take_names(fields, "consumers_on", w.consumers_on);
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
  publish.take("priorities", w.publish.priorities, 0, 255);
  publish.take_optional("expiration", w.publish.expiration, 0);
  take_delays(publish, w.publish.delays);
  publish.take_enum("delays_by", w.publish.delays_by, 1);
  Fields retry = publish.part("retry");
  retry.take("attempts", w.publish.retry.attempts, 1, UINT16_MAX);
  retry.take("initial", w.publish.retry.initial);
  retry.take("multiplier", w.publish.retry.multiplier, 0, multiplier_max);
  retry.take("max", w.publish.retry.max);
  retry.take("jitter", w.publish.retry.jitter, 0, 1);
  retry.take("timeout", w.publish.retry.timeout, 1);
  retry.take("blocking", w.publish.retry.blocking);
  Fields consume = fields.part("consume");
  take_consume(consume, w.consume);
  take_profile(fields, w.profile);
  for (const Fields* each : {&fields, &exchange, &queue, &publish, &retry, &consume}) {
    if (!each->good()) return each->error("workload");
  }
  return w;
}

}  // namespace troop::protocol

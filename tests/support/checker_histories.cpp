#include "tests/support/checker_histories.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <deque>
#include <optional>

#include "common/ids.hpp"

namespace troop::testing_support {
namespace {

namespace json = boost::json;

struct Stored {
  std::string id, key, producer;
  int attempt;
  int seq;
  bool redelivered = false;
};

struct Unacked {
  int tag;
  Stored message;
};

struct Consumer {
  std::string name;
  std::size_t queue;
  int epoch = 1;
  int next_tag = 1;
  std::deque<Unacked> unacked;
  [[nodiscard]] std::string channel() const { return fmt::format("{}/{}", name, epoch); }
};

struct Outstanding {
  int op;
  Stored message;
  bool stored;
};

struct Producer {
  std::string name;
  int next_op = 0;
  int next_seq = 0;
  std::vector<Outstanding> outstanding;
  std::vector<Stored> resend;  ///< In the order of their sequence numbers.
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed, "history") {}

  World run() {
    set_up();
    const auto steps = 10 + below(60);
    for (std::uint64_t i = 0; i < steps; ++i) step();
    wind_down();
    World world{std::move(events_), consumers_per_queue_};
    reindex(world.events);
    return world;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool chance(std::uint64_t percent) { return below(100) < percent; }

  json::object& event(std::string_view process, std::string_view type, std::string_view f) {
    json::object& made = events_.emplace_back();
    made["index"] = 0;
    made["time"] = time_ += 1 + static_cast<std::int64_t>(below(1000));
    made["process"] = process;
    made["type"] = type;
    made["f"] = f;
    return made;
  }

  void set_up() {
    fanout_ = chance(30);
    const auto count = 1 + below(3);
    json::array bindings;
    for (std::uint64_t i = 0; i < count; ++i) {
      queues_.emplace_back();
      queue_names_.push_back(fmt::format("q{}", i));
      bindings.push_back(json::object{{"exchange", "all"}, {"queue", queue_names_.back()}, {"routing_key", ""}});
    }
    consumers_per_queue_ = chance(25) ? 2 : 1;
    for (std::size_t queue = 0; queue < count; ++queue) {
      for (int i = 0; i < consumers_per_queue_; ++i) {
        consumers_.push_back(
            {.name = fmt::format("consumer-{}", consumers_.size() + 1), .queue = queue, .unacked = {}});
      }
    }
    const auto producers = 1 + below(2);
    for (std::uint64_t i = 0; i < producers; ++i) {
      producers_.push_back({.name = fmt::format("producer-{}", i + 1), .outstanding = {}, .resend = {}});
    }
    auto& start = event("controller", "info", "run");
    start["phase"] = "start";
    json::object topology;
    topology["exchanges"] = json::array{json::object{{"name", "all"}, {"type", "fanout"}}};
    topology["bindings"] = bindings;
    start["topology"] = topology;
  }

  void step() {
    const auto dice = below(100);
    auto& producer = producers_[below(producers_.size())];
    auto& consumer = consumers_[below(consumers_.size())];
    if (dice < 35)
      publish(producer);
    else if (dice < 55)
      complete(producer);
    else if (dice < 80)
      deliver(consumer);
    else if (dice < 92)
      settle(consumer);
    else if (dice < 96)
      crash(consumer);
    else
      lose_connection(producer);
  }

  void publish(Producer& producer) {
    if (!producer.resend.empty()) {  // before anything new, in sequence order
      Stored message = producer.resend.front();
      producer.resend.erase(producer.resend.begin());
      ++message.attempt;
      send(producer, message);
      return;
    }
    const int seq = producer.next_seq++;
    const auto key = fmt::format("{}-k{}", producer.name, below(3));
    send(producer, {fmt::format("{}-{}", producer.name, seq), key, producer.name, 1, seq});
  }

  void send(Producer& producer, const Stored& message) {
    auto& invoke = event(producer.name, "invoke", "publish");
    const int op = producer.next_op++;
    invoke["op"] = op;
    invoke["id"] = message.id;
    invoke["attempt"] = message.attempt;
    invoke["key"] = message.key;
    invoke["seq"] = message.seq;
    const std::size_t queue = queue_of(message);
    if (fanout_) {
      invoke["exchange"] = "all";
      invoke["routing_key"] = message.key;
    } else if (message.seq % 2 == 0) {
      invoke["exchange"] = "";
      invoke["routing_key"] = queue_names_[queue];
    } else {
      invoke["queue"] = queue_names_[queue];
    }
    const bool refused = !fanout_ && chance(4);
    const bool stored = !refused && !producer_is_cut_;
    if (stored) {
      for (std::size_t i = 0; i < queues_.size(); ++i) {
        if (fanout_ || i == queue) queues_[i].push_back(message);
      }
    }
    if (refused)
      finish(producer, {op, message, false}, "fail", "nack");
    else
      producer.outstanding.push_back({op, message, stored});
  }

  /// Every key lives in one queue, so that its order can be judged.
  std::size_t queue_of(const Stored& message) const {
    return static_cast<std::size_t>(message.key.back() - '0') % queues_.size();
  }

  void finish(Producer& producer, const Outstanding& done, std::string_view type, std::string_view error) {
    auto& completion = event(producer.name, type, "publish");
    completion["op"] = done.op;
    completion["id"] = done.message.id;
    completion["attempt"] = done.message.attempt;
    if (!error.empty()) completion["error"] = error;
  }

  void complete(Producer& producer) {
    if (producer.outstanding.empty()) return;
    const auto at = producer.outstanding.begin() + static_cast<std::ptrdiff_t>(below(producer.outstanding.size()));
    const Outstanding done = *at;
    producer.outstanding.erase(at);
    if (done.stored && !chance(5))
      finish(producer, done, "ok", "");
    else if (chance(70))
      finish(producer, done, "info", "timeout");  // else: nobody ever says
  }

  void lose_connection(Producer& producer) {
    // What is sent from now on does not arrive, and the producer does not know it yet.
    producer_is_cut_ = true;
    if (chance(50)) publish(producer);
    producer_is_cut_ = false;
    const bool resends = chance(60);
    for (const auto& unknown : producer.outstanding) {
      finish(producer, unknown, "info", "connection-lost");
      if (resends) producer.resend.push_back(unknown.message);
    }
    producer.outstanding.clear();
    std::sort(producer.resend.begin(), producer.resend.end(),
              [](const Stored& a, const Stored& b) { return a.seq < b.seq; });
  }

  void deliver(Consumer& consumer) {
    auto& queue = queues_[consumer.queue];
    if (queue.empty()) return;
    const Stored message = queue.front();
    queue.pop_front();
    auto& delivery = event(consumer.name, "ok", "deliver");
    delivery["id"] = message.id;
    delivery["attempt"] = message.attempt;
    delivery["producer"] = message.producer;
    delivery["key"] = message.key;
    delivery["seq"] = message.seq;
    delivery["queue"] = queue_names_[consumer.queue];
    delivery["channel"] = consumer.channel();
    delivery["tag"] = consumer.next_tag;
    delivery["redelivered"] = message.redelivered;
    consumer.unacked.push_back({consumer.next_tag++, message});
  }

  void settle(Consumer& consumer) {
    if (consumer.unacked.empty()) return;
    const auto dice = below(100);
    const std::size_t at = below(consumer.unacked.size());
    const Unacked chosen = consumer.unacked[at];
    const bool multiple = dice < 40;
    const auto name = dice < 85 ? "ack" : dice < 92 ? "nack" : "reject";
    auto& settled = event(consumer.name, "info", name);
    settled["channel"] = consumer.channel();
    settled["tag"] = chosen.tag;
    if (dice < 85) {
      if (multiple) settled["multiple"] = true;
      const auto first = consumer.unacked.begin() + static_cast<std::ptrdiff_t>(multiple ? 0 : at);
      consumer.unacked.erase(first, consumer.unacked.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      return;
    }
    consumer.unacked.erase(consumer.unacked.begin() + static_cast<std::ptrdiff_t>(at));
    if (dice < 92) {
      settled["requeue"] = true;
      Stored again = chosen.message;
      again.redelivered = true;
      queues_[consumer.queue].push_front(again);
    } else {
      auto& sink = event("consumer-dlq", "ok", "sink");
      sink["id"] = chosen.message.id;
      sink["queue"] = queue_names_[consumer.queue];
      sink["value"] = chance(50) ? "rejected" : "dead-lettered";
    }
  }

  void crash(Consumer& consumer) {
    auto& queue = queues_[consumer.queue];
    for (auto unacked = consumer.unacked.rbegin(); unacked != consumer.unacked.rend(); ++unacked) {
      queue.push_front(unacked->message);
      queue.front().redelivered = true;
    }
    consumer.unacked.clear();
    ++consumer.epoch;
    consumer.next_tag = 1;
  }

  void wind_down() {
    for (auto& producer : producers_) {
      while (!producer.resend.empty()) publish(producer);
      while (!producer.outstanding.empty()) complete(producer);
    }
    for (auto& consumer : consumers_) {
      while (!queues_[consumer.queue].empty() || !consumer.unacked.empty()) {
        if (!queues_[consumer.queue].empty()) deliver(consumer);
        if (chance(50)) settle(consumer);
      }
    }
    for (const auto& name : queue_names_) event("controller", "ok", "drain")["queue"] = name;
    auto& stop = event("controller", "info", "run");
    stop["phase"] = "stop";
    stop["reason"] = "completed";
  }

  Random random_;
  Events events_;
  std::int64_t time_ = 0;
  bool fanout_ = false;
  bool producer_is_cut_ = false;
  int consumers_per_queue_ = 1;
  std::vector<std::string> queue_names_;
  std::vector<std::deque<Stored>> queues_;
  std::vector<Consumer> consumers_;
  std::vector<Producer> producers_;
};

}  // namespace

World make_history(std::uint64_t seed) { return Simulation{seed}.run(); }

void strip(Events& events, const Lacks& lacks) {
  std::erase_if(events, [&](const json::object& event) {
    const auto& f = event.at("f").as_string();
    return (lacks.run && f == "run") || (lacks.drain && f == "drain") ||
           (lacks.acks && (f == "ack" || f == "nack" || f == "reject"));
  });
  for (auto& event : events) {
    if (lacks.op) event.erase("op");
    if (lacks.channel) event.erase("channel");
    if (lacks.producer) event.erase("producer");
    if (lacks.attempt && event.at("f").as_string() == "deliver") event.erase("attempt");
  }
  reindex(events);
}

void reindex(Events& events) {
  for (std::size_t i = 0; i < events.size(); ++i) events[i]["index"] = i;
}

std::string to_ndjson(const Events& events) {
  std::string lines;
  for (const auto& event : events) lines += json::serialize(event) + '\n';
  return lines;
}

}  // namespace troop::testing_support

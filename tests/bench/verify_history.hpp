// The history that bench_verify judges: what a pipelined workload of two producers and two consumers would leave.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "reports/history/writer.hpp"

namespace troop::bench {

using history::Event;
using history::Subject;
using history::Type;

constexpr std::int64_t confirm_lag = 150, delivery_lag = 300;  // messages

/// One message of the workload, and the events it causes.
struct Message {
  explicit Message(std::int64_t n)
      : number(n),
        id(fmt::format("p{}-{}", 1 + n % 2, n / 2)),
        producer(fmt::format("producer-{}", 1 + n % 2)),
        consumer(fmt::format("consumer-{}", 1 + n % 2)),
        channel(consumer + "/1"),
        key(fmt::format("k{}", n % 64)) {}

  [[nodiscard]] Event publish() const {
    Event e = event(producer, Type::invoke, Subject::publish);
    e.op = e.seq = number;
    e.key = key;
    e.has_exchange = true;
    e.routing_key = "troop.work";
    return e;
  }
  [[nodiscard]] Event confirm() const {
    Event e = event(producer, Type::ok, Subject::publish);
    e.op = number;
    return e;
  }
  [[nodiscard]] Event deliver() const {
    Event e = event(consumer, Type::ok, Subject::deliver);
    e.key = key;
    e.seq = number;
    e.queue = "troop.work";
    e.producer = producer;
    e.channel = channel;
    e.tag = tag();
    return e;
  }
  [[nodiscard]] Event ack() const {
    Event e;
    e.process = consumer;
    e.f = Subject::ack;
    e.channel = channel;
    e.tag = tag();
    return e;
  }

  std::int64_t number;
  std::string id, producer, consumer, channel, key;

 private:
  [[nodiscard]] std::int64_t tag() const { return number / 2 + 1; }
  [[nodiscard]] Event event(std::string_view process, Type type, Subject f) const {
    Event e;
    e.process = process;
    e.type = type;
    e.f = f;
    e.id = id;
    e.attempt = 1;
    return e;
  }
};

/// A history that passes, with one fault in its middle.
inline Result<void> write_history(const std::filesystem::path& path, std::int64_t messages) {
  BOOST_OUTCOME_TRY(auto writer, history::Writer::open(path));
  std::int64_t time = 0;
  BOOST_OUTCOME_TRY(writer.append(time, "controller", Type::info, "run", {{"phase", "start"}}));
  const auto append = [&](Event e) {
    e.time = time += 250;
    return writer.append(e);
  };
  const auto fault = [&](Type type, std::string_view phase) {
    Event e;
    e.time = time;
    e.process = "agent-local";
    e.type = type;
    e.f = Subject::fault;
    e.name = "broker.stop";
    e.target = "broker";
    e.phase = phase;
    return writer.append(e);
  };
  const auto probe = [&](Type type) {
    Event e;
    e.time = time;
    e.process = "controller";
    e.type = type;
    e.f = Subject::probe;
    e.name = "amqp.publish";
    return writer.append(e);
  };
  for (std::int64_t i = 0; i < messages + delivery_lag; ++i) {
    if (i < messages) {
      BOOST_OUTCOME_TRY(append(Message{i}.publish()));
    }
    if (i >= confirm_lag && i - confirm_lag < messages) {
      BOOST_OUTCOME_TRY(append(Message{i - confirm_lag}.confirm()));
    }
    if (i >= delivery_lag) {
      const Message message{i - delivery_lag};
      BOOST_OUTCOME_TRY(append(message.deliver()));
      BOOST_OUTCOME_TRY(append(message.ack()));
    }
    if (i == messages / 4) {
      BOOST_OUTCOME_TRY(fault(Type::invoke, "start"));
    }
    if (i == messages / 4 + 1) {
      BOOST_OUTCOME_TRY(fault(Type::ok, "start"));
    }
    if (i == messages / 2) {
      BOOST_OUTCOME_TRY(fault(Type::invoke, "stop"));
    }
    if (i == messages / 2 + 1) {
      BOOST_OUTCOME_TRY(fault(Type::ok, "stop"));
    }
    if (i % (messages / 20 + 1) == 0) {
      BOOST_OUTCOME_TRY(probe(Type::ok));
    }
  }
  BOOST_OUTCOME_TRY(writer.append(time, "controller", Type::ok, "drain", {{"queue", "troop.work"}}));
  BOOST_OUTCOME_TRY(writer.append(time, "controller", Type::info, "run", {{"phase", "stop"}, {"reason", "completed"}}));
  return writer.flush();
}

/// The writer alone: it writes 4096 events that are ready, again and again. Returns how many; 0: it failed.
inline std::int64_t write_ready_events(const std::filesystem::path& path, std::int64_t rounds) {
  std::deque<Message> messages;
  std::vector<Event> ready;
  for (std::int64_t i = 0; i < 1024; ++i) {
    const Message& m = messages.emplace_back(1'000'000 + i);
    for (const Event& e : {m.publish(), m.confirm(), m.deliver(), m.ack()}) ready.push_back(e);
  }
  auto writer = history::Writer::open(path);
  if (!writer) return 0;
  std::int64_t time = 1'000'000'000;
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (Event& e : ready) {
      e.time = time += 250;
      if (!writer.value().append(e)) return 0;
    }
  }
  return writer.value().flush() ? writer.value().events() : 0;
}

}  // namespace troop::bench

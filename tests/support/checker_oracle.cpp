#include "tests/support/checker_oracle.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <tuple>
#include <vector>

namespace troop::testing_support {
namespace {

namespace json = boost::json;

struct Event {
  std::int64_t index;
  std::string f, type, process, id, key, queue, producer, channel, error, value, exchange, routing_key;
  std::optional<std::int64_t> op, attempt, seq, tag;
  bool redelivered, multiple, has_exchange;
};

std::string text(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{std::string_view{value->get_string()}} : std::string{};
}

std::optional<std::int64_t> number(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  return value->to_number<std::int64_t>();
}

bool flag(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Event event_of(const json::object& o) {
  return {.index = *number(o, "index"),
          .f = text(o, "f"),
          .type = text(o, "type"),
          .process = text(o, "process"),
          .id = text(o, "id"),
          .key = text(o, "key"),
          .queue = text(o, "queue"),
          .producer = text(o, "producer"),
          .channel = text(o, "channel"),
          .error = text(o, "error"),
          .value = text(o, "value"),
          .exchange = text(o, "exchange"),
          .routing_key = text(o, "routing_key"),
          .op = number(o, "op"),
          .attempt = number(o, "attempt"),
          .seq = number(o, "seq"),
          .tag = number(o, "tag"),
          .redelivered = flag(o, "redelivered"),
          .multiple = flag(o, "multiple"),
          .has_exchange = o.contains("exchange")};
}

struct Attempt {
  Event invoke;
  std::string outcome = "indeterminate";
  bool done = false;
  std::set<std::string> queues;  ///< Empty: nobody knows.
  bool only_these = false;
};

class Oracle {
 public:
  explicit Oracle(const Events& raw) {
    for (const auto& object : raw) {
      events_.push_back(event_of(object));
      if (events_.back().f == "run" && object.contains("topology")) read_bindings(object.at("topology").as_object());
    }
  }

  Opinion judge() {
    match_attempts();
    for (const char* name : {"attempted", "confirmed", "failed", "indeterminate", "delivered", "lost", "unexpected",
                             "duplicated", "redelivered", "recovered", "aborted", "inversions", "max_displacement",
                             "redelivered_inversions", "acknowledged", "dead-lettered", "rejected", "unaccounted"}) {
      opinion_.counts[name] = 0;
    }
    for (const auto& attempt : attempts_) {
      ++opinion_.counts["attempted"];
      ++opinion_.counts[attempt.outcome];
    }
    std::set<std::string> ids;
    for (const auto& event : events_) {
      if (event.f == "publish" || event.f == "deliver" || event.f == "sink") ids.insert(event.id);
    }
    for (const auto& id : ids) judge_message(id);
    judge_order();
    return opinion_;
  }

 private:
  void read_bindings(const json::object& topology) {
    for (const auto& binding : topology.at("bindings").as_array()) {
      fanout_[text(binding.as_object(), "exchange")].insert(text(binding.as_object(), "queue"));
    }
  }

  void match_attempts() {
    for (const auto& event : events_) {
      if (event.f != "publish") continue;
      if (event.type == "invoke") {
        Attempt attempt{.invoke = event, .queues = {}};
        if (!event.queue.empty())
          attempt.queues = {event.queue};
        else if (event.has_exchange && event.exchange.empty())
          attempt.queues = {event.routing_key};
        else if (event.has_exchange)
          attempt.queues = fanout_[event.exchange];
        attempt.only_these = !event.queue.empty() || (event.has_exchange && event.exchange.empty());
        attempts_.push_back(attempt);
        continue;
      }
      for (auto& attempt : attempts_) {
        const bool same = event.op ? attempt.invoke.op == event.op && attempt.invoke.process == event.process
                                   : attempt.invoke.id == event.id && attempt.invoke.attempt == event.attempt;
        if (!same || attempt.done) continue;
        attempt.done = true;
        const bool proves_nothing = event.error == "nack" && attempt.queues.size() > 1;
        if (event.type == "ok") attempt.outcome = "confirmed";
        if (event.type == "fail" && !proves_nothing) attempt.outcome = "failed";
        break;
      }
    }
  }

  std::vector<Event> deliveries(const std::string& id, const std::string& queue) const {
    std::vector<Event> found;
    for (const auto& event : events_) {
      if (event.f == "deliver" && event.id == id && event.queue == queue) found.push_back(event);
    }
    return found;
  }

  bool acknowledged(const Event& delivery) const {
    const bool recorded =
        std::any_of(events_.begin(), events_.end(), [](const Event& event) { return event.f == "ack"; });
    const Event* end = nullptr;  // where this tag of this channel is settled
    for (const auto& event : events_) {
      if (event.index <= delivery.index || event.process != delivery.process || event.channel != delivery.channel)
        continue;
      // Without epochs, tag 1 begins a new channel: what was open before can no longer be settled.
      if (event.f == "deliver" && event.tag == 1) break;
      const bool settles = event.f == "ack" || event.f == "nack" || event.f == "reject";
      if (settles && (event.tag == delivery.tag || (event.multiple && *event.tag > *delivery.tag))) {
        end = &event;
        break;
      }
    }
    return end != nullptr ? end->f == "ack" : !recorded;
  }

  bool refused(const Event& delivery) const { return !acknowledged(delivery); }

  /// A drain of the queue after the last publish of the message, which no later delivery proved wrong.
  bool drained(const std::string& queue, std::int64_t published) const {
    std::optional<std::int64_t> proof;
    for (const auto& event : events_) {
      if (event.f == "drain" && event.queue == queue) proof = event.index;
    }
    return proof && *proof > published;
  }

  void judge_message(const std::string& id) {
    std::set<std::string> queues;
    bool nowhere = true;
    for (const auto& attempt : attempts_) {
      if (attempt.invoke.id == id) queues.insert(attempt.queues.begin(), attempt.queues.end());
    }
    for (const auto& event : events_) {
      if ((event.f == "deliver" || event.f == "sink") && event.id == id) {
        queues.insert(event.queue);
        nowhere = false;
      }
    }
    if (queues.empty() && nowhere) queues.insert("");
    for (const auto& queue : queues) judge_copy(id, queue);
  }

  void judge_copy(const std::string& id, const std::string& queue) {
    bool published = false, confirmed = false, indeterminate = false, sunk = false, acked = false, any_refused = false;
    std::int64_t last_publish = -1;
    for (const auto& attempt : attempts_) {
      if (attempt.invoke.id != id) continue;
      if (attempt.only_these && !attempt.queues.contains(queue)) continue;
      published = true;
      last_publish = attempt.invoke.index;
      confirmed = confirmed || attempt.outcome == "confirmed";
      indeterminate = indeterminate || attempt.outcome == "indeterminate";
    }
    std::set<std::string> sinks;
    for (const auto& event : events_) {
      if (event.f == "sink" && event.id == id && event.queue == queue) sinks.insert(event.value);
    }
    sunk = !sinks.empty();
    for (const auto& sink : sinks) ++opinion_.counts[sink];

    const auto seen = deliveries(id, queue);
    for (const auto& delivery : seen) {
      acked = acked || acknowledged(delivery);
      any_refused = any_refused || refused(delivery);
    }
    if (!seen.empty()) {
      ++opinion_.counts["delivered"];
      if (!published)
        add("unexpected", id);
      else if (!confirmed && indeterminate)
        ++opinion_.counts["recovered"];
      else if (!confirmed)
        add("aborted", id);
    }
    for (std::size_t i = 1; i < seen.size(); ++i) {
      bool same_attempt = false;
      for (std::size_t j = 0; j < i; ++j) {
        same_attempt = same_attempt || !seen[i].attempt || !seen[j].attempt || seen[i].attempt == seen[j].attempt;
      }
      add(same_attempt && seen[i].redelivered ? "redelivered" : "duplicated", id);
    }
    if (!confirmed) return;
    const bool is_drained = drained(queue, last_publish);
    if (seen.empty() && !sunk) {
      if (is_drained)
        add("lost", id);
      else
        opinion_.pending = true;
    }
    if (acked) ++opinion_.counts["acknowledged"];
    if (!acked && !sunk) {
      if (is_drained)
        add("unaccounted", id);
      else
        opinion_.unaccounted_for = true;
    }
  }

  void judge_order() {
    using Group = std::tuple<std::string, std::string, std::string, std::string>;
    std::map<Group, std::int64_t> maximum;
    std::set<std::pair<std::string, std::string>> delivered;
    for (const auto& event : events_) {
      if (event.f != "deliver") continue;
      std::string producer = event.producer;
      for (const auto& attempt : attempts_) {
        if (producer.empty() && attempt.invoke.id == event.id) producer = attempt.invoke.process;
      }
      const bool first = delivered.insert({event.id, event.queue}).second;
      const Group group{producer, event.key, event.queue, event.channel};
      const auto known = maximum.find(group);
      const bool behind = known != maximum.end() && *event.seq < known->second;
      const bool again = !first || event.attempt.value_or(1) != 1 || (behind && event.redelivered);
      if (again) {
        opinion_.counts["redelivered_inversions"] += behind ? 1 : 0;
      } else if (behind) {
        add("inversion", event.id);
        ++opinion_.counts["inversions"];
        opinion_.counts["max_displacement"] = std::max(opinion_.counts["max_displacement"], known->second - *event.seq);
      } else {
        maximum[group] = *event.seq;
      }
    }
  }

  void add(const std::string& kind, const std::string& id) {
    if (kind != "inversion") ++opinion_.counts[kind];
    opinion_.ids[kind].insert(id);
  }

  std::vector<Event> events_;
  std::vector<Attempt> attempts_;
  std::map<std::string, std::set<std::string>> fanout_;
  Opinion opinion_;
};

}  // namespace

Opinion oracle(const Events& events) { return Oracle{events}.judge(); }

}  // namespace troop::testing_support

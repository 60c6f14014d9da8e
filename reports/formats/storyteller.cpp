#include "reports/formats/storyteller.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/formats/text.hpp"

namespace troop::formats {
namespace {

using history::Event;
using history::Subject;
using history::Type;

constexpr std::size_t head_max = 24;
constexpr std::size_t tail_max = 12;
constexpr std::size_t connections_max = 10'000;
constexpr std::size_t around_max = 16;  // lines about faults and connections in one story

std::string because(const Event& event) { return event.error.empty() ? "" : fmt::format(": {}", event.error); }

std::string publish_sentence(const Event& event) {
  const std::string attempt = event.attempt >= 0 ? fmt::format(" (attempt {})", event.attempt) : "";
  switch (event.type) {
    case Type::invoke:
      return fmt::format("{} publishes {}{}", event.process, event.id, attempt);
    case Type::ok:
      return fmt::format("the broker confirms {}{} to {}", event.id, attempt, event.process);
    case Type::fail:
      return fmt::format("{}{} certainly failed{}", event.id, attempt, because(event));
    case Type::info:
      return fmt::format("the outcome of {}{} is unknown{}", event.id, attempt, because(event));
  }
  return {};
}

std::string deliver_sentence(const Event& event) {
  std::string text = fmt::format("{} gets {}", event.process, event.id);
  if (event.attempt >= 0) text += fmt::format(" (attempt {})", event.attempt);
  if (!event.queue.empty()) text += fmt::format(" from {}", event.queue);
  return text + (event.redelivered ? ", flagged as redelivered" : "");
}

std::string fault_sentence(const Event& event) {
  const std::string what = fmt::format("{} on {}", event.name, event.target);
  const bool start = event.phase == "start";
  switch (event.type) {
    case Type::invoke:
      return start ? fmt::format("fault {} is asked for", what) : fmt::format("undo of {} is asked for", what);
    case Type::ok:
      return start ? fmt::format("fault {} is in force", what) : fmt::format("fault {} is over, proven", what);
    case Type::fail:
      return start ? fmt::format("fault {} was not applied{}", what, because(event))
                   : fmt::format("fault {} could not be undone{}", what, because(event));
    case Type::info:
      return start ? fmt::format("fault {} is not proven{}", what, because(event))
                   : fmt::format("the end of fault {} is not proven{}", what, because(event));
  }
  return {};
}

std::string probe_sentence(const Event& event) {
  const std::string_view how = event.type == Type::ok ? "good" : event.type == Type::fail ? "bad" : "without an answer";
  std::string text = fmt::format("probe {} is {}", event.name, how);
  if (!event.value.empty()) text += fmt::format(", measured {}", event.value);
  return text + because(event);
}

std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  return std::string{value};
}

std::string_view type_word(Type type) {
  switch (type) {
    case Type::invoke:
      return "begins";
    case Type::ok:
      return "ok";
    case Type::fail:
      return "fails";
    case Type::info:
      return "noted";
  }
  return "";
}

}  // namespace

std::string sentence(const Event& event) {
  switch (event.f) {
    case Subject::publish:
      return publish_sentence(event);
    case Subject::deliver:
      return deliver_sentence(event);
    case Subject::ack:
      return fmt::format("{} acknowledges it", event.process);
    case Subject::nack:
    case Subject::reject:
      return fmt::format("{} refuses it, {}", event.process,
                         event.requeue ? "back to the queue" : "not to be requeued");
    case Subject::sink:
      return fmt::format("{} left {}: {}", event.id, event.queue, unquoted(event.value));
    case Subject::drain:
      return fmt::format("queue {} has been read to its end", event.queue);
    case Subject::fault:
      return fault_sentence(event);
    case Subject::probe:
      return probe_sentence(event);
    case Subject::connection:
      return fmt::format("{}: connection {}{}", event.process, event.value.empty() ? "changes" : unquoted(event.value),
                         because(event));
    case Subject::run:
      return event.phase == "start" ? "the run starts"
                                    : "the run stops" + (event.reason.empty() ? "" : fmt::format(": {}", event.reason));
    default:
      break;
  }
  return fmt::format("{}: {} {}{}", event.process, event.f_name, type_word(event.type), because(event));
}

void Storyteller::Thread::add(Told told) {
  if (head.size() < head_max) {
    head.push_back(std::move(told));
    return;
  }
  tail.push_back(std::move(told));
  if (tail.size() <= tail_max) return;
  tail.pop_front();
  ++left_out;
}

Storyteller::Storyteller(const invariants::Judged& judged) : judged_(judged) {
  for (const auto& judgement : judged.invariants) {
    for (const auto& anomaly : judgement.anomalies) {
      if (!anomaly.id.empty()) threads_.try_emplace(anomaly.id);
      for (const std::int64_t index : anomaly.witnesses) witnesses_.try_emplace(index);
    }
  }
}

void Storyteller::observe(const Event& event) {
  if (threads_.empty() && witnesses_.empty()) return;
  const auto told = [&] {
    return Told{event.index, Duration{event.time}, std::string{event.process}, sentence(event)};
  };
  if (const auto witness = witnesses_.find(event.index); witness != witnesses_.end()) witness->second = told();

  switch (event.f) {
    case Subject::fault:
      faults_.push_back(told());
      if (event.phase == "start" && event.type == Type::ok) {
        windows_.push_back({std::string{event.name}, std::string{event.target}, told(), INT64_MAX});
      } else if (event.phase == "stop" && event.type == Type::ok) {
        for (auto& window : windows_) {
          if (window.name == event.name && window.target == event.target) window.end = std::min(window.end, event.time);
        }
      }
      return;
    case Subject::connection:
      if (connections_.size() < connections_max) connections_.push_back(told());
      return;
    case Subject::drain:
      drains_.emplace_back(event.queue, told());
      return;
    case Subject::ack:
    case Subject::nack:
    case Subject::reject:
      settle(event);
      return;
    default:
      break;
  }
  if (event.id.empty()) return;
  const auto thread = threads_.find(std::string{event.id});
  if (thread == threads_.end()) return;
  thread->second.add(told());
  auto& queues = thread->second.queues;
  const std::string_view queue = event.queue.empty() && event.f == Subject::publish ? event.routing_key : event.queue;
  if (!queue.empty() && std::find(queues.begin(), queues.end(), queue) == queues.end()) queues.emplace_back(queue);
  if (event.f == Subject::deliver && event.tag >= 0) {
    unsettled_[{std::string{event.process} + '\n' + std::string{event.channel}, event.tag}] = event.id;
  }
}

void Storyteller::settle(const Event& event) {
  if (unsettled_.empty() || event.tag < 0) return;
  const std::string channel = std::string{event.process} + '\n' + std::string{event.channel};
  auto it = unsettled_.lower_bound({channel, event.multiple ? 0 : event.tag});
  while (it != unsettled_.end() && it->first.first == channel && it->first.second <= event.tag) {
    threads_[it->second].add({event.index, Duration{event.time}, std::string{event.process}, sentence(event)});
    it = unsettled_.erase(it);
  }
}

std::vector<Storyteller::Told> Storyteller::around(const Thread& thread, const invariants::Anomaly& anomaly) const {
  std::vector<Told> context;
  if (thread.head.empty()) return context;
  const std::int64_t begin = thread.head.front().index;
  const Duration begin_at = thread.head.front().at;
  std::int64_t end =
      (thread.tail.empty() ? thread.head : std::vector<Told>(thread.tail.begin(), thread.tail.end())).back().index;
  if (anomaly.kind == "lost" || anomaly.kind == "unaccounted") {  // shown by nothing but the drain that did not find it
    for (const auto& [queue, drained] : drains_) {
      const bool its =
          thread.queues.empty() || std::find(thread.queues.begin(), thread.queues.end(), queue) != thread.queues.end();
      if (!its || drained.index < end) continue;
      context.push_back(drained);
      end = drained.index;
      break;
    }
  }
  for (const auto& window : windows_) {  // in force already when the message was born
    if (window.start.index < begin && window.end > begin_at.count()) context.push_back(window.start);
  }
  std::size_t room = around_max;
  const auto add = [&](const Told& told) {
    if (told.index <= begin || told.index >= end || room == 0) return;
    context.push_back(told);
    --room;
  };
  for (const auto& fault : faults_) add(fault);
  for (const auto& connection : connections_) {
    const auto same = [&](const Told& told) { return told.process == connection.process; };
    if (std::any_of(thread.head.begin(), thread.head.end(), same) ||
        std::any_of(thread.tail.begin(), thread.tail.end(), same)) {
      add(connection);
    }
  }
  return context;
}

std::vector<StoryLine> Storyteller::tell(const invariants::Anomaly& anomaly) const {
  std::map<std::int64_t, const Told*> all;  // by event index: in order, each once
  Thread nothing;
  const auto found = threads_.find(anomaly.id);
  const Thread& thread = found == threads_.end() ? nothing : found->second;
  for (const auto& told : thread.head) all.emplace(told.index, &told);
  for (const auto& told : thread.tail) all.emplace(told.index, &told);
  const auto context = around(thread, anomaly);
  for (const auto& told : context) all.emplace(told.index, &told);
  for (const std::int64_t index : anomaly.witnesses) {
    const auto witness = witnesses_.find(index);
    if (witness != witnesses_.end() && !witness->second.text.empty()) all.emplace(index, &witness->second);
  }
  std::vector<StoryLine> lines;
  for (const auto& [index, told] : all) {
    if (thread.left_out > 0 && told == &thread.tail.front()) {
      lines.push_back({told->at, fmt::format("({} of this message left out here)", plural(thread.left_out, "event"))});
    }
    const bool witness = std::binary_search(anomaly.witnesses.begin(), anomaly.witnesses.end(), index);
    lines.push_back({told->at, told->text, witness});
  }
  return lines;
}

std::vector<Story> Storyteller::finish() {
  std::vector<Story> stories;
  for (std::size_t i = 0; i < judged_.invariants.size(); ++i) {
    const auto& anomalies = judged_.invariants[i].anomalies;
    for (std::size_t a = 0; a < anomalies.size(); ++a) {
      auto lines = tell(anomalies[a]);
      if (!lines.empty())
        stories.push_back({static_cast<std::int64_t>(i), static_cast<std::int64_t>(a), std::move(lines)});
    }
  }
  return stories;
}

}  // namespace troop::formats

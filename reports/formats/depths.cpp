#include "reports/formats/depths.hpp"

#include <algorithm>
#include <functional>

namespace troop::formats {
namespace {

using history::Event;
using history::Subject;
using history::Type;

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t seconds_max = 100'000;  // as for the load: a damaged time must not fill the memory
constexpr std::uint64_t golden_ratio = 0x9E3779B97F4A7C15;

/// Two attempts with one hash of 64 bits make a depth wrong by one.
std::uint64_t attempt_key(const Event& event) {
  return std::hash<std::string_view>{}(event.id) + golden_ratio * static_cast<std::uint64_t>(event.attempt);
}

}  // namespace

void Depths::observe(const Event& event) {
  if (event.f == Subject::run) return run_.observe(event);
  const bool counts = event.f == Subject::publish || event.f == Subject::deliver || event.f == Subject::ack ||
                      event.f == Subject::nack || event.f == Subject::reject || event.f == Subject::sink;
  if (!counts || !event.has_time || event.time < 0 || event.time / ns_per_s >= seconds_max) return;
  turn_to(event.time / ns_per_s);
  switch (event.f) {
    case Subject::publish:
      return publish(event);
    case Subject::deliver:
      return deliver(event);
    case Subject::sink:
      // What a consumer refused has left when it did.
      if (event.value == "expired" || event.value == "overflow" || event.value == "dead-lettered") {
        ++counts_[queue(event.queue)].left;
      }
      return;
    default:
      return settle(event);
  }
}

void Depths::turn_to(std::int64_t second) {
  if (second <= second_) return;
  if (second_ >= 0) seconds_[second_] = counts_;
  second_ = second;
}

void Depths::publish(const Event& event) {
  if (event.type == Type::invoke) {
    const Index to = route(event);
    for (const Index each : routes_[to]) ++counts_[each].invoked;
    attempts_[attempt_key(event)] = {to, false};
    return;
  }
  completed_ = true;
  const auto attempt = attempts_.find(attempt_key(event));
  if (attempt == attempts_.end()) return;
  // Of what may have reached the broker, a delivery tells later.
  const bool split = routes_[attempt->second.route].size() > 1 && event.error == "nack";
  const bool unknown = event.type == Type::info && event.error != "unconfirmed";
  if (!attempt->second.entered && (unknown || split)) return;
  if (!attempt->second.entered && event.type != Type::fail) enter(attempt->second.route);
  attempts_.erase(attempt);
}

void Depths::enter(Index route) {
  for (const Index each : routes_[route]) ++counts_[each].entered;
}

void Depths::deliver(const Event& event) {
  if (event.type != Type::ok) return;
  if (const auto attempt = attempts_.find(attempt_key(event)); attempt != attempts_.end() && !attempt->second.entered) {
    attempt->second.entered = true;
    enter(attempt->second.route);
  }
  const Index from = queue(event.queue);
  if (!event.redelivered) ++counts_[from].delivered;
  if (!run_.consumers_acknowledge || event.ack == "none") {
    ++counts_[from].left;
  } else if (event.tag >= 0) {
    auto& open = channel(event);
    if (!open.empty() && event.tag <= open.back().tag) open.clear();  // a new channel that has no name
    open.push_back({event.tag, from});
  }
}

void Depths::settle(const Event& event) {
  if (event.tag < 0) return;
  acknowledged_ = true;
  auto& open = channel(event);
  const bool leaves = event.f == Subject::ack || !event.requeue;
  const auto end = event.multiple && event.tag == 0
                       ? open.end()
                       : std::upper_bound(open.begin(), open.end(), event.tag,
                                          [](std::int64_t tag, const Delivery& each) { return tag < each.tag; });
  auto begin = open.begin();
  if (!event.multiple) {
    if (end == open.begin() || std::prev(end)->tag != event.tag) return;
    begin = std::prev(end);
  }
  for (auto each = begin; leaves && each != end; ++each) ++counts_[each->queue].left;
  open.erase(begin, end);
}

Depths::Index Depths::queue(std::string_view name) {
  const auto known = std::find(names_.begin(), names_.end(), name);
  if (known != names_.end()) return static_cast<Index>(known - names_.begin());
  if (names_.size() == queues_max) return queues_max - 1;
  names_.emplace_back(names_.size() + 1 == queues_max ? std::string_view{"all other queues"} : name);
  counts_.emplace_back();
  return names_.size() - 1;
}

Depths::Index Depths::route(const Event& event) {
  const bool named = !event.queue.empty() || (event.has_exchange && event.exchange.empty());
  const std::string_view key = event.queue.empty() ? event.routing_key : event.queue;
  route_text_.assign(named ? "q" : "x");
  if (!named) route_text_.append(event.exchange).push_back('\n');
  route_text_.append(key);
  const auto known = route_names_.find(route_text_);
  if (known != route_names_.end()) return known->second;
  std::vector<Index> queues;
  if (named) {
    queues.push_back(queue(key));
  } else if (const auto found = run_.route(event.exchange, key)) {
    for (const auto& name : *found) queues.push_back(queue(name));
  }
  routes_.push_back(std::move(queues));
  route_names_.emplace(route_text_, routes_.size() - 1);
  return routes_.size() - 1;
}

std::deque<Depths::Delivery>& Depths::channel(const Event& event) {
  channel_text_.assign(event.process);
  channel_text_.push_back('\n');
  channel_text_.append(event.channel);
  return channels_[channel_text_];
}

std::int64_t Depths::depth(const Count& count) const {
  const std::int64_t entered = completed_ ? count.entered : count.invoked;
  const bool told = acknowledged_ || !run_.consumers_acknowledge;  // else a delivery has to do
  return std::max<std::int64_t>(entered - count.left - (told ? 0 : count.delivered), 0);
}

std::vector<QueueDepth> Depths::finish(const std::vector<SeriesPoint>& series) {
  if (second_ >= 0) seconds_[second_] = counts_;
  std::vector<QueueDepth> depths;
  for (Index index = 0; index < names_.size(); ++index) {
    if ((completed_ ? counts_[index].entered : counts_[index].invoked) == 0) continue;
    QueueDepth line{names_[index], {}};
    std::int64_t current = 0;
    auto next = seconds_.begin();
    for (const auto& point : series) {
      for (; next != seconds_.end() && next->first <= point.second; ++next) {
        current = index < next->second.size() ? depth(next->second[index]) : 0;
      }
      line.depth.push_back(current);
    }
    depths.push_back(std::move(line));
  }
  return depths;
}

}  // namespace troop::formats

#include "agents/workers/republisher.hpp"

#include <algorithm>

#include "agents/workers/message.hpp"
#include "agents/workers/session.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {

Republisher::Republisher(const WorkerConfig& config)
    : exchange_(config.workload.consume.error.exchange),
      routing_key_(model::topology_of(config.workload).queues.at(queue_of(config)).name),
      payload_bytes_(static_cast<std::size_t>(config.workload.payload_bytes)) {}

void Republisher::publish(std::string& out, const Recorder::Delivery& delivery) {
  const auto& [producer, attempt, key, seq] = *delivery.headers;
  MessageEncoder::Settings settings;
  settings.channel = Session::channel;
  settings.producer = producer;
  settings.exchange = exchange_;
  settings.routing_key = routing_key_;
  settings.mandatory = false;
  settings.payload_bytes = payload_bytes_;
  MessageEncoder{settings}.append(out, {.seq = seq, .op = 0, .intended_ns = 0, .key = key, .attempt = attempt});
  waiting_.push_back({++last_tag_, delivery});
}

std::vector<Recorder::Delivery> Republisher::answered(std::uint64_t tag, bool multiple) {
  const auto last = std::ranges::upper_bound(waiting_, tag, {}, &Waiting::tag);
  auto first = multiple ? waiting_.begin() : last;
  if (!multiple && last != waiting_.begin() && std::prev(last)->tag == tag) first = std::prev(last);
  std::vector<Recorder::Delivery> out;
  for (auto each = first; each != last; ++each) out.push_back(each->delivery);
  waiting_.erase(first, last);
  return out;
}

void Republisher::forget() {
  waiting_.clear();
  last_tag_ = 0;
}

}  // namespace troop::agents

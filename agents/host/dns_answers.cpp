#include "agents/host/dns_answers.hpp"

#include <atomic>
#include <deque>
#include <sstream>

#include "agents/host/packet_bytes.hpp"
#include "agents/host/packet_delay.hpp"

namespace troop::agents {
namespace {

/// Whether whoever asked is told something else: by another code, or by records that were there or are there now. Both
/// are whole messages, with a header (RFC 1035, 4.1.1).
bool says_otherwise(std::span<const std::uint8_t> before, std::span<const std::uint8_t> now) {
  const auto code = [](std::span<const std::uint8_t> message) { return message[3] & 0x0FU; };
  const auto records = [](std::span<const std::uint8_t> message) { return message[6] | message[7]; };
  return code(before) != code(now) || records(before) != 0 || records(now) != 0;
}

}  // namespace

struct DnsAnswers::Handler : PacketHandler {
  explicit Handler(DnsRule asked) : rule(std::move(asked)) {}

  Result<void> take_in(PacketQueue& queue, std::span<const QueuedPacket> arrivals, std::int64_t now) override {
    for (const auto& packet : arrivals) {
      BOOST_OUTCOME_TRY(decide(queue, packet, now));
    }
    return queue.flush();
  }

  Result<void> decide(PacketQueue& queue, const QueuedPacket& packet, std::int64_t now) {
    const auto begin = udp_payload(packet.content);
    const auto message = begin ? packet.content.subspan(*begin) : std::span<const std::uint8_t>{};
    const auto question = answered_question(message);
    if (!question) return queue.release(packet.number);
    ++answers;
    if (!rule.names.hold(question->name)) return queue.release(packet.number);
    if (rule.answer == DnsAnswer::late) {
      waiting.push_back({packet.number, now + rule.delay.count()});
      return success();
    }
    if (rule.answer == DnsAnswer::none) {
      ++changed;
      return queue.drop(packet.number);
    }
    const auto other = other_answer(message, *question, rule.answer, rule.address);
    if (other.empty()) return queue.release(packet.number);
    whole.assign(packet.content.begin(), packet.content.end());
    replace_udp_payload(whole, *begin, other);
    if (says_otherwise(message, other)) ++changed;  // what said so anyway proves nothing
    return queue.release(packet.number, whole);
  }

  Result<void> let_go(PacketQueue& queue, std::int64_t until) override {
    for (; !waiting.empty() && waiting.front().due <= until; waiting.pop_front()) {
      BOOST_OUTCOME_TRY(queue.release(waiting.front().number));
      ++changed;
    }
    return queue.flush();
  }
  [[nodiscard]] std::int64_t next_due() const override { return waiting.empty() ? INT64_MAX : waiting.front().due; }

  struct Late {
    std::uint32_t number;
    std::int64_t due;
  };
  const DnsRule rule;
  std::deque<Late> waiting;
  std::vector<std::uint8_t> whole;
  std::atomic<std::uint64_t> answers = 0, changed = 0;
};

Result<void> feasible(const DnsRule& rule) {
  if (rule.traffic.ports.empty()) return usage_error("the resolvers answer from a 'port'");
  if ((rule.answer == DnsAnswer::address) == rule.address.is_unspecified()) {
    return usage_error("'address' is for answer = \"address\", which needs one that is not all zeros");
  }
  if ((rule.answer == DnsAnswer::late) == (rule.delay == Duration{0})) {
    return usage_error("'delay' is for answer = \"late\", which needs it");
  }
  if (rule.answer != DnsAnswer::late) return success();
  return feasible(DelayRule{.traffic = rule.traffic, .delay = rule.delay});
}

Result<DnsAnswers> DnsAnswers::start(DnsRule rule, Duration timeout) {
  BOOST_OUTCOME_TRY(feasible(rule));
  rule.traffic.transport = Transport::udp;
  rule.traffic.only_peers_ports = true;
  auto traffic = rule.traffic;
  auto handler = std::make_shared<Handler>(std::move(rule));
  BOOST_OUTCOME_TRY(auto diversion,
                    PacketDiversion::start(std::move(traffic), PacketQueue::Tell::content, handler, timeout));
  return DnsAnswers{std::move(handler), std::move(diversion)};
}

const DnsRule& DnsAnswers::rule() const { return handler_->rule; }

DnsCounts DnsAnswers::counts() const { return {.answers = handler_->answers, .changed = handler_->changed}; }

std::vector<std::string> resolvers_in(std::string_view resolv_conf) {
  constexpr std::size_t asked_max = 3;  // MAXNS: libc asks no others
  std::vector<std::string> resolvers;
  std::istringstream lines{std::string{resolv_conf}};
  for (std::string line; std::getline(lines, line) && resolvers.size() < asked_max;) {
    std::istringstream words{line};
    std::string key, address;
    if (line.starts_with("nameserver") && words >> key >> address && key == "nameserver") {
      resolvers.push_back(address.substr(0, address.find('%')));
    }
  }
  if (resolvers.empty()) resolvers.emplace_back("127.0.0.1");
  return resolvers;
}

}  // namespace troop::agents

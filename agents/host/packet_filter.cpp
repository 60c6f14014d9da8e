#include "agents/host/packet_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <iterator>
#include <map>
#include <sstream>

namespace troop::agents {
namespace ip = boost::asio::ip;
namespace {

constexpr std::uint64_t burst_bytes = 128 * 1024;
constexpr int sides = 1'000'000;  // of the die, one for each step of percent_min
constexpr std::pair<const char*, const char*> sets[] = {
    {"peers4", "ipv4_addr"}, {"peers6", "ipv6_addr"}, {"families", "nf_proto"}};

/// Of everybody, what is expiring is the family.
std::string add_families(const std::string& table) {
  return fmt::format("add element inet {} families {{ ipv4, ipv6 }}\n", table);
}

/// "add element …" for each family that has peers.
std::string add_elements(const std::string& table, const std::vector<ip::address>& peers) {
  std::string v4, v6;
  for (const auto& peer : peers) {
    if (peer.is_v4()) {
      fmt::format_to(std::back_inserter(v4), "{},", peer.to_v4().to_string());
    } else {
      fmt::format_to(std::back_inserter(v6), "{},", ip::address_v6{peer.to_v6().to_bytes()}.to_string());
    }
  }
  std::string text;
  if (!v4.empty()) text += fmt::format("add element inet {} peers4 {{ {} }}\n", table, v4);
  if (!v6.empty()) text += fmt::format("add element inet {} peers6 {{ {} }}\n", table, v6);
  return text;
}

/// What a packet from or to a peer has to be besides, as the begins of rules of which one has to match. No "!=" of two
/// ports in one rule: nft compares them as one number then. The socket comes last, since it has to be looked up.
std::vector<std::string> narrowed(const Traffic& traffic, std::string_view end) {
  const auto of_group =
      traffic.group ? fmt::format(" socket cgroupv2 level {} {}", traffic.group->level(), traffic.group->quoted()) : "";
  const std::string_view transport = traffic.transport == Transport::tcp   ? "meta l4proto tcp"
                                     : traffic.transport == Transport::udp ? "meta l4proto udp"
                                     : traffic.ports.empty()               ? ""
                                                                           : "meta l4proto { tcp, udp }";
  if (traffic.ports.empty()) return {std::string{transport} + of_group};
  const auto ports = fmt::format("{{ {} }}", fmt::join(traffic.ports, ","));
  if (traffic.only_peers_ports) {
    return {fmt::format("{} th {} {}{}", transport, end == "saddr" ? "sport" : "dport", ports, of_group)};
  }
  return {fmt::format("{} th sport {}{}", transport, ports, of_group),
          fmt::format("{} th dport {}{}", transport, ports, of_group)};
}

/// What a packet of which nothing may be stopped is, each a whole match.
std::vector<std::string> exempt(const Traffic& traffic, std::string_view hook, std::string_view end) {
  std::vector<std::string> matches;
  if (traffic.everybody) matches.push_back(hook == "input" ? "meta iiftype loopback" : "meta oiftype loopback");
  for (const std::string_view port : {"sport", "dport"}) {
    if (traffic.exempt.ports.empty()) break;
    matches.push_back(
        fmt::format("meta l4proto {{ tcp, udp }} th {} {{ {} }}", port, fmt::join(traffic.exempt.ports, ",")));
  }
  for (const auto& network : traffic.exempt.v4) matches.push_back(fmt::format("ip {} {}", end, network.to_string()));
  for (const auto& network : traffic.exempt.v6) matches.push_back(fmt::format("ip6 {} {}", end, network.to_string()));
  return matches;
}

std::vector<std::string> ended(const StopRule& rule) {
  switch (rule.how) {
    case Stop::drop:
      return {"drop"};
    case Stop::reset:
      return {"meta l4proto tcp reject with tcp reset", "reject with icmpx type port-unreachable"};
    case Stop::unreachable:
      return {"reject with icmpx type host-unreachable"};
    case Stop::classify:
      return {fmt::format("meta priority set {:x}:{:x}", rule.priority >> 16, rule.priority & 0xffff)};
  }
  return {"drop"};
}

/// The chains for packets in one direction. `hook` is "input" or "output", `end` the address that is the peer's.
std::string chains(const std::string& table, const StopRule& rule, std::string_view hook, std::string_view end) {
  std::string text;
  const auto add = [&](std::string_view chain, std::string_view what) {
    fmt::format_to(std::back_inserter(text), "add rule inet {} {} {}\n", table, chain, what);
  };
  const auto hit = fmt::format("{}_hit", hook);
  for (const auto& counter : {"matched", "stopped"}) {
    fmt::format_to(std::back_inserter(text), "add counter inet {} {}_{}\n", table, counter, hook);
  }
  fmt::format_to(std::back_inserter(text), "add chain inet {} {}\n", table, hit);
  // Before connection tracking and everybody's filters, so that nothing of theirs sees what did not arrive; a class is
  // chosen after everybody else.
  fmt::format_to(std::back_inserter(text),
                 "add chain inet {} {} {{ type filter hook {} priority {}; policy accept; }}\n", table, hook, hook,
                 rule.how == Stop::classify ? 350 : -350);
  add(hook, "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept");
  for (const auto& match : exempt(rule.traffic, hook, end)) add(hook, match + " accept");
  for (const auto& also : narrowed(rule.traffic, end)) {
    if (rule.traffic.everybody) {
      add(hook, fmt::format("meta nfproto @families {} goto {}", also, hit));
      continue;
    }
    add(hook, fmt::format("ip {} @peers4 {} goto {}", end, also, hit));
    add(hook, fmt::format("ip6 {} @peers6 {} goto {}", end, also, hit));
  }
  add(hit, fmt::format("counter name \"matched_{}\"", hook));
  if (rule.percent < 100) {
    add(hit, fmt::format("numgen random mod {} >= {} return", sides, std::lround(rule.percent / 100 * sides)));
  }
  if (const auto rate = rule.above_bytes_per_second; rate > 0) {
    add(hit, fmt::format("limit rate {} bytes/second burst {} bytes return", rate, burst_bytes));
  }
  add(hit, fmt::format("counter name \"stopped_{}\"", hook));
  for (const auto& what : ended(rule)) add(hit, what);
  return text;
}

std::string whole_table(const std::string& table, const StopRule& rule, Duration timeout) {
  const auto timeout_ms = timeout / std::chrono::milliseconds{1};
  std::string text = fmt::format("create table inet {} {{ flags owner; }}\n", table);
  for (const auto& [set, type] : sets) {
    if ((std::string_view{set} == "families") != rule.traffic.everybody) continue;
    text +=
        fmt::format("add set inet {} {} {{ type {}; flags timeout; timeout {}ms; }}\n", table, set, type, timeout_ms);
  }
  if (rule.traffic.direction != Direction::out) text += chains(table, rule, "input", "saddr");
  if (rule.traffic.direction != Direction::in) text += chains(table, rule, "output", "daddr");
  return text;
}

}  // namespace

PacketFilter::PacketFilter(Nftables nft, std::string table, std::string flush, std::string elements, Expiry expiry)
    : nft_(std::move(nft)),
      table_(std::move(table)),
      flush_(std::move(flush)),
      elements_(std::move(elements)),
      expiry_(expiry) {}

Result<PacketFilter> PacketFilter::start(StopRule rule, Duration timeout) {
  BOOST_OUTCOME_TRY(rule.traffic, checked(std::move(rule.traffic)));
  if (!(rule.percent >= PacketFilter::percent_min && rule.percent <= 100)) {
    return usage_error(fmt::format("{} % of the packets cannot be stopped", rule.percent));
  }
  if (timeout <= Expiry::tick_max) return usage_error("a filter that ends at once");
  if (rule.traffic.group) {
    BOOST_OUTCOME_TRY(still_there(*rule.traffic.group));
  }
  BOOST_OUTCOME_TRY(auto nft, Nftables::open());
  auto table = fresh_table_name();
  auto elements = rule.traffic.everybody ? add_families(table) : add_elements(table, rule.traffic.peers);
  auto flush = rule.traffic.everybody ? fmt::format("flush set inet {} families\n", table)
                                      : fmt::format("flush set inet {0} peers4\nflush set inet {0} peers6\n", table);
  Expiry expiry{timeout};
  expiry.renewed(boottime_ns());
  BOOST_OUTCOME_TRY(nft.run(whole_table(table, rule, timeout) + elements));
  if (rule.traffic.group) {
    BOOST_OUTCOME_TRY(still_there(*rule.traffic.group));  // so it was the one that nft found
  }
  return PacketFilter{std::move(nft), std::move(table), std::move(flush), std::move(elements), expiry};
}

Result<void> PacketFilter::renew() {
  const std::int64_t asked = boottime_ns();
  if (!nft_ || expiry_.is_over(asked)) return Error{ErrorKind::lost, "the filter " + table_ + " has ended"};
  // Elements are replaced in one transaction: to move a timeout in place is new in recent kernels.
  BOOST_OUTCOME_TRY(nft_->run(flush_ + elements_));
  expiry_.renewed(asked);
  return success();
}

void PacketFilter::add_peers(const std::vector<ip::address>& peers) { elements_ += add_elements(table_, peers); }

Result<Stopped> PacketFilter::counters() {
  if (!nft_) return Error{ErrorKind::lost, "the filter " + table_ + " has ended"};
  BOOST_OUTCOME_TRY(const auto text, nft_->list("list counters table inet " + table_));
  Stopped counts;
  const std::map<std::string, std::uint64_t*> wanted{{"matched_input", &counts.matched_in},
                                                     {"matched_output", &counts.matched_out},
                                                     {"stopped_input", &counts.stopped_in},
                                                     {"stopped_output", &counts.stopped_out}};
  std::istringstream words{text};  // table inet NAME { counter NAME { packets 12 bytes 34 } … }
  auto current = wanted.end();
  for (std::string word; words >> word;) {
    if (word == "counter" && words >> word) current = wanted.find(word);
    if (word == "packets" && current != wanted.end()) words >> *current->second;
  }
  if (!words.eof()) return Error{ErrorKind::protocol, "nftables: counters that are no numbers"};
  return counts;
}

Result<void> PacketFilter::stop() {
  nft_.reset();  // the kernel removes what the conversation owned
  if (auto gone = table_is_gone(table_); gone.has_error()) {
    return Error{ErrorKind::unrestored, gone.error().context};
  }
  return success();
}

}  // namespace troop::agents

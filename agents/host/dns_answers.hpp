// What a host's resolvers answer about chosen names, changed where it arrives: over UDP, answer by answer. All else
// passes at once, as does what is no sound answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "agents/host/dns_message.hpp"
#include "agents/host/packet_diversion.hpp"

namespace troop::agents {

struct DnsRule {
  Traffic traffic;  ///< The resolvers and their port; its direction is `in` and its transport `udp`, whatever it says.
  DnsNames names = {};
  DnsAnswer answer = DnsAnswer::nxdomain;
  boost::asio::ip::address address = {};  ///< For `address`.
  Duration delay{};                       ///< For `late`.
};
/// Errors: usage.
Result<void> feasible(const DnsRule& rule);

struct DnsCounts {
  std::uint64_t answers = 0;  ///< That came, about any name.
  std::uint64_t changed = 0;  ///< Of them: another answer, or a late one, or none.
};

class DnsAnswers {
 public:
  /// In force when it returns; answers are no longer changed after `timeout` without renew(). Errors: usage.
  static Result<DnsAnswers> start(DnsRule rule, Duration timeout);
  /// As PacketDiversion's.
  Result<void> renew() { return diversion_.renew(); }
  void add_peers(const std::vector<boost::asio::ip::address>& peers) { diversion_.add_peers(peers); }
  [[nodiscard]] const DnsRule& rule() const;
  /// So far; does not ask the kernel.
  [[nodiscard]] DnsCounts counts() const;
  /// As PacketDiversion's.
  Result<void> stop() { return diversion_.stop(); }

 private:
  struct Handler;
  DnsAnswers(std::shared_ptr<const Handler> handler, PacketDiversion diversion)
      : handler_(std::move(handler)), diversion_(std::move(diversion)) {}

  std::shared_ptr<const Handler> handler_;
  PacketDiversion diversion_;
};

/// The resolvers that programs of this host ask: those of a resolv.conf (resolv.conf(5)), and this host itself where it
/// names none. A zone is left out, since packets do not carry it.
std::vector<std::string> resolvers_in(std::string_view resolv_conf);

}  // namespace troop::agents

// A host on loopback whose peers always talk with it: what the faults on a host's network act on.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "agents/part.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/tcp_listener.hpp"

namespace troop::test {

struct HostParts : agents::Parts {
  agents::Part* find(std::string_view) override { return nullptr; }
  [[nodiscard]] std::vector<agents::Peer> peers() const override { return others; }
  std::vector<agents::Peer> others{{"db", "127.0.0.2"}, {"web", "127.0.0.3"}};
};

inline constexpr std::uint16_t service_port = 7777;

/// What a resolver answers to a question for the address of `db.test`: 192.0.2.10 (RFC 1035, 4.1).
inline const std::string dns_answer{
    "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    "\x02"
    "db"
    "\x04"
    "test"
    "\x00\x00\x01\x00\x01"
    "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x0a",
    41};

/// Somebody who always talks with a service, from before until the end, and has a connection with it. The service says
/// what a resolver would.
class Chatter {
 public:
  Chatter(std::string from, std::string to)
      : thread_{[from = std::move(from), to = std::move(to)](const std::stop_token& end) {
          const Datagrams here{from}, there{to, service_port};
          const Listener listener{to, service_port};
          UniqueFd connection = listener.connection_from(from);
          while (!end.stop_requested()) {
            here.send(there);
            there.send(here, dns_answer);
            (void)there.receive(1);
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
          }
        }} {}

 private:
  std::jthread thread_;
};

}  // namespace troop::test

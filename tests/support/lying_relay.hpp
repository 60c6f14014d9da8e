// A TCP relay on loopback between AMQP clients and a broker, which lies about chosen messages: see
// lying_connection.hpp.
//
// It has no thread: whoever tests with it lends it time with serve(). So the test's process can fork its workers, and
// nothing is shared. Start the workers before the first serve(): a child would inherit the connections, which then
// could not be closed. They can connect before: the kernel takes them in.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"
#include "tests/support/lying_connection.hpp"

namespace troop::test {

class LyingRelay {
 public:
  /// Listens on a free port of 127.0.0.1 for what shall go to `broker_port` there. Errors: usage.
  static Result<std::unique_ptr<LyingRelay>> start(std::uint16_t broker_port, LiePlan plan);
  LyingRelay(const LyingRelay&) = delete;
  LyingRelay& operator=(const LyingRelay&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Waits until a socket is ready, `limit` at most, and does what can be done then without waiting.
  void serve(Duration limit);
  /// Connections that are open. One ends only when all that came from the side that closed it has left.
  [[nodiscard]] std::size_t connections() const { return wires_.size(); }
  [[nodiscard]] std::uint64_t connections_ever() const { return connections_ever_; }
  [[nodiscard]] const LieReport& report() const { return report_; }

 private:
  struct End {
    UniqueFd fd;
    std::string unsent;
    bool closed = false;  ///< Nothing more comes from it.
    void give_up() {
      closed = true;
      unsent.clear();
    }
  };
  struct Wire {
    End client;
    End broker;
    LyingConnection lies;
  };

  LyingRelay(std::uint16_t broker_port, LiePlan plan) : broker_port_(broker_port), plan_(std::move(plan)) {}
  void accept_one();
  void receive(Wire& wire, End& from);
  static void send_to(End& end);
  static bool over(const Wire& wire);

  std::uint16_t broker_port_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  const LiePlan plan_;
  LieReport report_;
  std::uint64_t connections_ever_ = 0;
  std::list<Wire> wires_;
};

}  // namespace troop::test

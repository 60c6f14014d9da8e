// What a lying relay says on one connection: pure, without sockets, clock or chance.
//
//                       publishes                                  deliveries
//   producer ──► relay ──────────► broker           broker ──► relay ──────────► consumer
//            ◄──       ◄── confirms                        ◄──       ◄── acks
//
// It lies about chosen messages on their way to whoever takes them, and so that neither side can tell: where messages
// are missing or too many, the numbers of all that follow are shifted, and the confirms or acks that come back get the
// numbers of the side where they go. What it keeps back it confirms itself, so that nobody waits for it.
//
//   drop        the message ends here; its sender believes that it arrived
//   duplicate   it arrives, and again a few messages later, as new as the first time (never flagged as redelivered)
//   swap        it arrives behind the next message of the same key
//
// All else passes unchanged, byte for byte. What a verifier must find is exact: a dropped message is lost, a duplicate
// is duplicated, and of two that were swapped the first is behind the running maximum: it is the inversion.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/amqp_frames.hpp"

namespace troop::test {

enum class Lie { drop, duplicate, swap };
std::string_view to_text(Lie lie);

/// About what to lie. One plan serves all connections of a relay.
struct LiePlan {
  /// Publishes: for producers that use confirms. Deliveries: for consumers that acknowledge.
  enum class Where { deliveries, publishes };
  Where where = Where::deliveries;
  std::map<std::string, Lie, std::less<>> secrets;  ///< By message-id.
  std::size_t duplicate_after = 0;                  ///< So many messages pass between a message and its duplicate.
};

/// What was really done. It is complete only when all connections have been closed.
struct LieReport {
  std::map<std::string, Lie, std::less<>> told;
  std::uint64_t messages = 0;         ///< That came to where it lies, lied about or not.
  std::vector<std::string> problems;  ///< Why it could not lie as planned, or what it did not understand.
};

/// Whole frames for both sides, in the order in which they must leave.
struct RelayOutput {
  std::string to_client;
  std::string to_broker;
};

class LyingConnection {
 public:
  /// Borrows both.
  LyingConnection(const LiePlan& plan, LieReport& report) : plan_(plan), report_(report) {}

  /// What came from one side becomes what both sides get. False: it was no AMQP, and the connection is of no more use.
  bool from_client(std::string_view bytes, RelayOutput& out);
  bool from_broker(std::string_view bytes, RelayOutput& out);

 private:
  struct Message {
    std::string frames;        ///< Method, content header and body.
    std::uint64_t number = 0;  ///< As its sender counts: the delivery tag, or which publish of its channel it is.
    std::size_t tag_at = 0;    ///< Where in `frames` the delivery tag is; 0: it has none.
    bool redelivered = false;
    bool header_seen = false;
    std::uint64_t body_left = 0;
    std::string id;
    std::string key;  ///< With its producer; empty: not one of Troop's messages.
    [[nodiscard]] bool whole() const { return header_seen && body_left == 0; }
  };
  struct Held {
    Message message;
    Lie lie{};             ///< Swap: waits for the next of its key. Duplicate: waits for its time.
    std::size_t wait = 0;  ///< Duplicate: messages that still have to pass.
  };
  struct Channel {
    std::optional<Message> arriving;  ///< Some of its frames have come.
    std::vector<Held> held;
    std::uint64_t published = 0;  ///< By the client.
    std::uint64_t passed_on = 0;
    /// Passed on and not settled: the number the taker knows, and the sender's; 0: nobody sent it.
    std::map<std::uint64_t, std::uint64_t> open;
  };

  /// The side the messages come from.
  void take_sent(const AmqpFrame& frame, std::string& onward, std::string& back);
  /// The other side.
  void take_answered(const AmqpFrame& frame, std::string& onward);
  static void begin(Channel& channel, const AmqpFrame& frame, bool delivery);
  void arrived(Channel& channel, std::uint16_t number, Message message, std::string& onward, std::string& back);
  void pass_on(Channel& channel, Message message, std::string& onward);
  void release(Channel& channel, const std::string& key, std::string& onward);
  void give_up_waiting(Channel& channel, std::string& onward);
  void settle(Channel& channel, const AmqpFrame& frame, std::string& onward);

  const LiePlan& plan_;
  LieReport& report_;
  FrameCutter client_;
  FrameCutter broker_;
  std::map<std::uint16_t, Channel> channels_;
};

}  // namespace troop::test

// One connection with one channel, ready to work: the queue is declared, confirms or the consumer are set up.
// rabbitmq-c connects, logs in, makes the calls that wait for a reply, and decodes; what is sent in the flow of work
// goes through `out` and never blocks.
#pragma once

#include <amqp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agents/workers/config.hpp"
#include "agents/workers/message.hpp"

namespace troop::agents {

class Session;

/// What became of an attempt to open a session.
struct OpenOutcome {
  std::unique_ptr<Session> session;  ///< Null: it failed.
  bool refused = false;  ///< The broker understood and said no: login, vhost, or a queue declared otherwise.
  std::string why;       ///< Without secrets.
};

class Session {
 public:
  static constexpr std::uint16_t channel = 1;
  static constexpr const char* consumer_tag = "troop";

  /// Connects and sets everything up. Blocks; every single step of it at most `retry.timeout`.
  static OpenOutcome open(const WorkerConfig& config);
  Session() = default;  ///< Of no use by itself: see open().
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::size_t frame_bytes_max() const;

  /// Whole frames that go out with the next flush().
  std::string& out() { return out_; }
  /// Sends what the socket takes. False: the connection is lost. Never blocks.
  [[nodiscard]] bool flush();
  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }
  /// Sends everything, waiting at most until `deadline_ns`. False: lost, or too slow.
  [[nodiscard]] bool flush_until(std::int64_t deadline_ns);

  enum class Received { frame, nothing, lost };
  /// The next frame, if one has arrived; reads the socket when nothing is buffered. What `frame` points to is valid
  /// until the next call. Never blocks.
  Received receive(amqp_frame_t& frame);
  /// Frames or parts of them are here already: poll() on the descriptor would not tell.
  [[nodiscard]] bool buffered() const;

  /// Declares everything and consumes again on the same channel, after the broker cancelled the consumer. Blocks as
  /// open().
  [[nodiscard]] bool consume_again(const WorkerConfig& config);
  /// Closes channel and connection. True: both close-ok were read, so nothing of this session is left in the broker.
  [[nodiscard]] bool close();
  /// Answers the broker's close of the channel or of the connection. Best effort.
  void acknowledge_close(amqp_method_number_t close_ok, std::uint16_t on_channel);

 private:
  /// Why there is no connection; empty where there is one.
  std::string connect(const WorkerConfig& config, Duration timeout);
  bool set_up(const WorkerConfig& config, OpenOutcome& outcome);
  /// As send(2): what the socket took, or nothing yet (0), or lost (-1).
  ssize_t send_some(const char* bytes, std::size_t size);

  amqp_connection_state_t connection_ = nullptr;
  int fd_ = -1;
  ssl_st* tls_ = nullptr;  ///< The connection's; null where it is in clear.
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace troop::agents

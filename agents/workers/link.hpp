// A worker's way to the broker: opens sessions, one after another, with pauses between failures, and records what
// becomes of them. An attempt runs in a thread of its own, because login and declare block, and the worker's schedule
// must not.
//
//   down ──(pause over)──► opening ──► up ──(drop)──► down
//     ▲                       │
//     └────── failed ─────────┘
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

#include "agents/workers/backoff.hpp"
#include "agents/workers/config.hpp"
#include "agents/workers/recorder.hpp"
#include "agents/workers/ring.hpp"
#include "agents/workers/session.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

class Link {
 public:
  Link(const WorkerConfig& config, RingWriter& ring, Recorder& recorder);
  ~Link();  ///< Waits for an attempt that is still running.
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Starts an attempt that is due, takes the result of one that has ended. Never blocks.
  enum class Step { nothing, opened, failed, exhausted };  ///< exhausted: as many failures in a row as allowed.
  Step step(std::int64_t now_ns);

  /// Null while down.
  [[nodiscard]] Session* session() { return session_.get(); }
  /// The epoch of the open channel.
  [[nodiscard]] std::uint32_t channel() const { return channel_; }
  [[nodiscard]] bool blocked() const { return blocked_; }

  /// Records why, ends the session, and pauses before the next attempt.
  void drop(protocol::RecordKind kind, protocol::RecordError error);
  /// Deals with everything that is not content, a confirm or a consumer's: closes, blocked, unblocked, flow.
  /// False: the session is gone.
  bool handle_control(const amqp_frame_t& frame);
  /// Closes the session; says so in the ring. True: proven by both close-ok. False: lost on the way.
  bool close();

  /// Sleeps until the socket has something to say, an attempt has ended, or `wake_ns`; at most 20 ms, so that a command
  /// is seen soon. `reading`: the caller would read now; else only room to send wakes it up.
  void wait(std::int64_t wake_ns, bool reading = true);
  /// There may be something to receive, as the last wait() saw it.
  [[nodiscard]] bool readable() const { return readable_; }

 private:
  void start();
  /// The configuration of the next attempt: of all hosts the one whose turn it is.
  [[nodiscard]] WorkerConfig towards_next() const;
  Step finish_attempt();
  void say(std::string_view text);
  void complain(const OpenOutcome& outcome);

  const WorkerConfig& config_;
  RingWriter& ring_;
  Recorder& recorder_;
  Backoff backoff_;
  std::unique_ptr<Session> session_;
  std::uint32_t channel_ = 0;
  bool blocked_ = false;
  bool readable_ = false;
  bool refusal_recorded_ = false;
  bool exhaustion_said_ = false;
  std::int64_t attempt_due_ns_ = 0;
  std::size_t turn_ = 0;  ///< Of the hosts: moves on with every failure.

  std::thread attempt_;
  UniqueFd attempt_ended_;  ///< eventfd: the thread's last act
  OpenOutcome outcome_;     ///< The thread's until then, ours afterwards.
};

}  // namespace troop::agents

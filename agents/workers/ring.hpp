// The memory through which a worker's evidence survives the worker: a single-producer, single-consumer ring of records
// in a sealed memfd that agent and worker both map.
//
//   worker   fill slot ── release head ──►   agent   peek ── use ── consume (release tail)
//
// The header also carries the agent's command, the worker's state, the counters, and everything that a restarted worker
// of the same name must continue: sequence, operation numbers and channel epoch are never used twice within a run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agents/protocol/record.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// Agent → worker.
enum class WorkerCommand : std::uint32_t {
  run,     ///< Work.
  finish,  ///< Producer: send what is pending, wait for its confirms. Consumer: cancel, settle. Then close and exit 0.
  abort,   ///< Exit at once; nothing is flushed or closed.
};

/// Worker → agent.
enum class WorkerState : std::uint32_t { starting, connected, disconnected, finishing, closed_cleanly };

/// One counter of the header. Only the worker writes it, so a plain load and store is enough.
class RingCounter {
 public:
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::uint64_t n = 1) { set(get() + n); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// All counters count the worker's whole name: they go on over restarts, except those marked "now".
struct RingCounters {
  RingCounter invoked;        ///< Publish attempts invoked.
  RingCounter confirmed;      ///< … completed ok.
  RingCounter failed;         ///< … completed fail.
  RingCounter indeterminate;  ///< … completed info.
  RingCounter abandoned;      ///< … left without completion by earlier, killed processes of this name.
  RingCounter delivered;      ///< Deliveries recorded, foreign ones included.
  RingCounter settled;        ///< Deliveries acknowledged; with ack `none`, those whose handler has ended.
  RingCounter unacked;        ///< Now: deliveries of the open channel recorded but not acknowledged.
  RingCounter backlog;        ///< Now: messages that wait to be sent, for the first time or again.
  RingCounter in_flight;      ///< Now: messages sent and not yet confirmed.
  RingCounter last_seq;       ///< Sequence number given out last.
  RingCounter last_op;        ///< Operation number given out last.
  RingCounter channel_epoch;  ///< Channels opened.
  RingCounter foreign_seq;    ///< Number given out last to a foreign message.
  RingCounter connects;       ///< Connections opened.
  RingCounter blocked;        ///< Now: 1 while the broker blocks the connection.
  RingCounter close_proven;   ///< Now: 1 once channel.close-ok and connection.close-ok have been read.
};

/// Stands alone in the first page of the ring. Everything both sides write is on cache lines of its own.
struct RingHeader {
  static constexpr std::uint64_t expected_magic = 0x676e69722d707274;  // "trp-ring"
  static constexpr std::uint32_t expected_version = 3;

  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t record_bytes = 0;
  std::uint64_t capacity = 0;  ///< Records; a power of two.
  std::int32_t agent_pid = 0;
  std::uint32_t recording = 1;  ///< 0: push() drops everything. Only a benchmark wants that.

  alignas(64) std::atomic<std::uint64_t> head{0};  ///< Records ever written.
  alignas(64) std::atomic<std::uint64_t> tail{0};  ///< Records ever consumed.
  alignas(64) std::atomic<WorkerCommand> command{WorkerCommand::run};
  alignas(64) std::atomic<WorkerState> state{WorkerState::starting};
  std::atomic<std::int64_t> experiment_began_ns{0};  ///< CLOCK_MONOTONIC; 0: not yet.
  std::atomic<std::uint64_t> clock_asked{0};         ///< How often the agent asked for the worker's wall clock.
  std::atomic<std::uint64_t> clock_told{0};          ///< Which question the worker answered last, with ...
  std::atomic<std::int64_t> wall_clock_ns{0};        ///< ... the time that it had after it was asked, since 1970.
  alignas(64) RingCounters counters;
};

static_assert(sizeof(RingHeader) <= 4096);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<WorkerCommand>::is_always_lock_free);

/// The mapping both sides share. Unmapped by the destructor.
class RingMapping {
 public:
  static constexpr std::size_t header_bytes = 4096;

  RingMapping() = default;
  /// Maps `fd`, which must be a sealed ring of exactly the size its header claims. Errors: usage. Does not block.
  static Result<RingMapping> map(int fd);
  RingMapping(RingMapping&& other) noexcept;
  RingMapping& operator=(RingMapping&& other) noexcept;
  ~RingMapping();

  [[nodiscard]] RingHeader& header() const { return *static_cast<RingHeader*>(base_); }
  [[nodiscard]] protocol::Record* slots() const {
    return reinterpret_cast<protocol::Record*>(static_cast<std::byte*>(base_) + header_bytes);
  }
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

 private:
  void* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::uint64_t capacity_ = 0;  ///< A copy: the other side cannot change it under us.
};

/// The agent's side: owns the memfd, reads records, gives commands. One thread at a time.
class Ring {
 public:
  static constexpr std::uint64_t default_capacity = std::uint64_t{1}
                                                    << 17;  // 8 MiB: 10 s of evidence at 13,000 records/s

  /// A new, empty, sealed ring; `capacity` is a power of two. Errors: usage, or what memfd_create and mmap say.
  static Result<Ring> create(std::uint64_t capacity = default_capacity, bool recording = true);

  /// For the worker's `--ring-fd`; close-on-exec is set, so it must be duplicated into the child.
  [[nodiscard]] int fd() const { return fd_.get(); }

  /// The oldest records not consumed yet, as far as they lie side by side: after the ring's end call again once they
  /// are consumed. They stay valid until consume(). Empty: none now. Never blocks.
  [[nodiscard]] std::span<const protocol::Record> peek();
  /// Frees the `n` oldest records; n <= peek().size().
  void consume(std::size_t n);
  /// A worker wrote a head that cannot be: nothing more is read from it.
  [[nodiscard]] bool corrupt() const { return corrupt_; }

  void command(WorkerCommand command) { mapping_.header().command.store(command, std::memory_order_release); }
  void experiment_began(std::int64_t at_ns) {
    mapping_.header().experiment_began_ns.store(at_ns, std::memory_order_release);
  }
  /// Asks the worker for its wall clock: which question this is.
  std::uint64_t ask_clock() { return mapping_.header().clock_asked.fetch_add(1, std::memory_order_acq_rel) + 1; }
  /// What it answered, to that question or a later one; since 1970. Nothing: not yet.
  [[nodiscard]] std::optional<Duration> told_clock(std::uint64_t question) const;
  [[nodiscard]] WorkerState state() const { return mapping_.header().state.load(std::memory_order_acquire); }
  [[nodiscard]] const RingCounters& counters() const { return mapping_.header().counters; }
  /// Before a worker of the same name is started on this ring again: command `run`, state `starting`.
  void prepare_restart();

 private:
  UniqueFd fd_;
  RingMapping mapping_;
  std::uint64_t tail_ = 0;
  bool corrupt_ = false;
};

/// The worker's side. One thread.
class RingWriter {
 public:
  /// Attaches to a ring, new or left by a dead process of the same name. Errors: usage.
  static Result<RingWriter> attach(int fd);

  /// Makes the record the agent's for good: it survives this process from the moment this returns true. A full ring is
  /// waited for in naps of 1 ms; nothing is dropped. False: `abort` was commanded while it was full.
  bool push(const protocol::Record& record);
  [[nodiscard]] bool recording() const { return recording_; }

  [[nodiscard]] WorkerCommand command() const { return mapping_.header().command.load(std::memory_order_acquire); }
  /// When the scenario's clock began; 0: not yet.
  [[nodiscard]] std::int64_t experiment_began_ns() const {
    return mapping_.header().experiment_began_ns.load(std::memory_order_acquire);
  }
  /// Answers the agent's question for this process's wall clock, if there is a new one.
  void tell_clock();
  void state(WorkerState state) { mapping_.header().state.store(state, std::memory_order_release); }
  [[nodiscard]] RingCounters& counters() { return mapping_.header().counters; }
  [[nodiscard]] std::int32_t agent_pid() const { return mapping_.header().agent_pid; }

  /// Numbers never used before under this name, kept in the ring before they are used.
  std::uint64_t next_seq() { return next(counters().last_seq); }
  std::uint64_t next_op() { return next(counters().last_op); }
  std::uint64_t next_foreign() { return next(counters().foreign_seq); }
  std::uint32_t next_channel_epoch() { return static_cast<std::uint32_t>(next(counters().channel_epoch)); }
  /// True if an earlier process of this name has already worked with this ring.
  [[nodiscard]] bool restarted() const { return restarted_; }

 private:
  static std::uint64_t next(RingCounter& counter) {
    counter.add();
    return counter.get();
  }
  bool wait_for_room();

  RingMapping mapping_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_seen_ = 0;
  bool recording_ = true;
  bool restarted_ = false;
};

}  // namespace troop::agents

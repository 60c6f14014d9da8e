// Children that use up something of this host: CPU time, memory, room on a disk, writes to it. Linux only.
//
// What they hold the kernel frees with them, and it ends them with this process (PDEATHSIG). Each ends by itself when
// nobody renews it for a lease, is the OOM killer's first choice, and gives back what the host needs: whatever else
// grows meanwhile, `floor` stays free.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "agents/host/process.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// Plain data: a forked child allocates nothing.
struct BurdenPlan {
  enum class Kind { cpu, memory, disk, io };
  Kind kind = Kind::cpu;
  int percent = 100;                   ///< cpu: of one CPU.
  std::uint64_t bytes = 0;             ///< memory, disk: to take; io: of the file that is written over and over.
  std::uint64_t floor = 0;             ///< memory, disk: bytes that stay free.
  std::uint64_t bytes_per_second = 0;  ///< io.
  int folder = -1;                     ///< disk, io: an open folder. The file in it has no name.
  Duration lease{0};
};

class Burden {
 public:
  /// Forks it; call from the main thread only: PDEATHSIG follows the thread. Errors: lost.
  static Result<Burden> start(const BurdenPlan& plan);
  Burden(Burden&&) noexcept;
  Burden& operator=(Burden&&) = delete;
  ~Burden();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// For another lease. Does not block. Errors: lost, where it has ended.
  [[nodiscard]] Result<void> renew() const;
  /// What it holds now, or for io has written so far. Bytes.
  [[nodiscard]] std::uint64_t bytes() const;
  /// The errno that stopped it from taking more; 0: none.
  [[nodiscard]] int failure() const;
  /// Whether it had to give something back, or could not take all, for the floor's sake.
  [[nodiscard]] bool was_limited() const;
  /// So far; also of one that was ended.
  [[nodiscard]] Duration cpu_time() const;
  /// Its memory that is in RAM, as the kernel counts it. Bytes.
  [[nodiscard]] std::uint64_t resident() const;
  /// What its file takes up on the disk, as the kernel counts it; 0: none, or gone. Bytes.
  [[nodiscard]] std::uint64_t allocated() const;
  /// Ends and reaps it; idempotent.
  void end();

 private:
  struct Shared;
  struct Unmap {
    void operator()(Shared* shared) const;
  };
  Burden() = default;

  [[noreturn]] static void carry(const BurdenPlan& plan, Shared& shared, int pipe, pid_t parent);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd pipe_;
  std::unique_ptr<Shared, Unmap> shared_;
  Duration cpu_time_{0};
};

/// Memory that can be taken without swapping, by what the kernel says and the control group allows. Bytes; 0: unknown.
/// Safe in a forked child.
std::uint64_t available_memory();
/// Room for ordinary users on the file system of an open file or folder. Bytes. Safe in a forked child.
std::uint64_t available_room(int fd);

}  // namespace troop::agents

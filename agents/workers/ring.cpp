#include "agents/workers/ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <ctime>
#include <new>
#include <utility>

namespace troop::agents {
namespace {

constexpr std::uint64_t capacity_max = std::uint64_t{1} << 24;  // 1 GiB

bool capacity_possible(std::uint64_t capacity) {
  return std::has_single_bit(capacity) && capacity >= 2 && capacity <= capacity_max;
}

std::size_t bytes_of(std::uint64_t capacity) {
  return RingMapping::header_bytes + static_cast<std::size_t>(capacity) * sizeof(protocol::Record);
}

Error errno_error(std::string_view what) { return system_error(ErrorKind::usage, what, errno); }

}  // namespace

Result<RingMapping> RingMapping::map(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return errno_error("ring: fstat");
  // Without the seals a peer could shrink the file under us, and the next access would be a SIGBUS.
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || (seals & F_SEAL_GROW) == 0) return usage_error("ring: not sealed");
  if (info.st_size < static_cast<off_t>(header_bytes)) return usage_error("ring: too small for its header");

  RingMapping mapping;
  mapping.bytes_ = static_cast<std::size_t>(info.st_size);
  void* base = mmap(nullptr, mapping.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return errno_error("ring: mmap");
  mapping.base_ = base;

  const RingHeader& header = mapping.header();
  if (header.magic != RingHeader::expected_magic) return usage_error("ring: not a ring");
  if (header.version != RingHeader::expected_version || header.record_bytes != sizeof(protocol::Record)) {
    return usage_error("ring: of another version; agent and worker must come from the same build");
  }
  mapping.capacity_ = header.capacity;
  if (!capacity_possible(mapping.capacity_) || bytes_of(mapping.capacity_) != mapping.bytes_) {
    return usage_error("ring: its size is not what its header claims");
  }
  return mapping;
}

RingMapping::RingMapping(RingMapping&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

RingMapping& RingMapping::operator=(RingMapping&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

RingMapping::~RingMapping() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

Result<Ring> Ring::create(std::uint64_t capacity, bool recording) {
  if (!capacity_possible(capacity)) return usage_error("ring: the capacity must be a power of two, at most 2^24");
  Ring ring;
  ring.fd_.reset(memfd_create("troop-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!ring.fd_) return errno_error("ring: memfd_create");
  if (ftruncate(ring.fd(), static_cast<off_t>(bytes_of(capacity))) != 0) return errno_error("ring: ftruncate");
  if (fcntl(ring.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return errno_error("ring: seal");
  {
    void* page = mmap(nullptr, RingMapping::header_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd(), 0);
    if (page == MAP_FAILED) return errno_error("ring: mmap");
    auto* header = ::new (page) RingHeader;
    header->magic = RingHeader::expected_magic;
    header->version = RingHeader::expected_version;
    header->record_bytes = sizeof(protocol::Record);
    header->capacity = capacity;
    header->agent_pid = getpid();
    header->recording = recording ? 1 : 0;
    munmap(page, RingMapping::header_bytes);
  }
  BOOST_OUTCOME_TRY(ring.mapping_, RingMapping::map(ring.fd()));
  return ring;
}

std::span<const protocol::Record> Ring::peek() {
  if (corrupt_) return {};
  const std::uint64_t head = mapping_.header().head.load(std::memory_order_acquire);
  const std::uint64_t available = head - tail_;
  if (available > mapping_.capacity()) {
    corrupt_ = true;
    return {};
  }
  const std::uint64_t first = tail_ & (mapping_.capacity() - 1);
  const std::uint64_t side_by_side = mapping_.capacity() - first;
  return {mapping_.slots() + first, static_cast<std::size_t>(available < side_by_side ? available : side_by_side)};
}

void Ring::consume(std::size_t n) {
  tail_ += n;
  mapping_.header().tail.store(tail_, std::memory_order_release);
}

std::optional<Duration> Ring::told_clock(std::uint64_t question) const {
  const RingHeader& header = mapping_.header();
  if (header.clock_told.load(std::memory_order_acquire) < question) return std::nullopt;
  return Duration{header.wall_clock_ns.load(std::memory_order_relaxed)};
}

void Ring::prepare_restart() {
  command(WorkerCommand::run);
  mapping_.header().state.store(WorkerState::starting, std::memory_order_release);
}

Result<RingWriter> RingWriter::attach(int fd) {
  RingWriter writer;
  BOOST_OUTCOME_TRY(writer.mapping_, RingMapping::map(fd));
  RingHeader& header = writer.mapping_.header();
  writer.head_ = header.head.load(std::memory_order_acquire);
  writer.tail_seen_ = header.tail.load(std::memory_order_acquire);
  if (writer.head_ - writer.tail_seen_ > writer.mapping_.capacity()) return usage_error("ring: head and tail disagree");
  writer.recording_ = header.recording != 0;

  RingCounters& c = header.counters;
  writer.restarted_ = writer.head_ != 0 || c.connects.get() != 0 || c.last_op.get() != 0;
  // What a killed process of this name left open stays without completion: nobody can know its outcome any more.
  const std::uint64_t completed = c.confirmed.get() + c.failed.get() + c.indeterminate.get();
  c.abandoned.set(c.invoked.get() > completed ? c.invoked.get() - completed : 0);
  for (RingCounter* now : {&c.unacked, &c.backlog, &c.in_flight, &c.blocked, &c.close_proven}) now->set(0);
  writer.state(WorkerState::starting);
  return writer;
}

bool RingWriter::push(const protocol::Record& record) {
  if (!recording_) return true;
  if (head_ - tail_seen_ >= mapping_.capacity() && !wait_for_room()) return false;
  mapping_.slots()[head_ & (mapping_.capacity() - 1)] = record;
  ++head_;
  mapping_.header().head.store(head_, std::memory_order_release);
  return true;
}

void RingWriter::tell_clock() {
  RingHeader& header = mapping_.header();
  const std::uint64_t asked = header.clock_asked.load(std::memory_order_acquire);
  if (asked == header.clock_told.load(std::memory_order_relaxed)) return;
  header.wall_clock_ns.store(wall_ns(), std::memory_order_relaxed);
  header.clock_told.store(asked, std::memory_order_release);
}

bool RingWriter::wait_for_room() {
  constexpr timespec nap{0, 1'000'000};
  for (;;) {
    tail_seen_ = mapping_.header().tail.load(std::memory_order_acquire);
    if (head_ - tail_seen_ < mapping_.capacity()) return true;
    if (command() == WorkerCommand::abort) return false;
    tell_clock();
    nanosleep(&nap, nullptr);
  }
}

}  // namespace troop::agents

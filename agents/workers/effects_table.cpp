#include "agents/workers/effects_table.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace troop::agents {
namespace {

std::size_t bytes_of(std::size_t queues, std::size_t producers) {
  return queues * producers * static_cast<std::size_t>(EffectsTable::messages_max / 8);
}

}  // namespace

Result<EffectsTable> EffectsTable::create(std::size_t queues, std::size_t producers) {
  EffectsTable table;
  table.queues_ = queues;
  table.producers_ = producers;
  table.fd_ = UniqueFd{memfd_create("troop-effects", MFD_CLOEXEC)};
  if (!table.fd_) return system_error(ErrorKind::lost, "memfd_create", errno);
  if (ftruncate(table.fd_.get(), static_cast<off_t>(bytes_of(queues, producers))) != 0) {
    return system_error(ErrorKind::lost, "ftruncate", errno);
  }
  BOOST_OUTCOME_TRYV(table.attach(table.fd_.get()));
  return table;
}

Result<EffectsTable> EffectsTable::map(int fd, std::size_t queues, std::size_t producers) {
  struct stat found {};
  if (fstat(fd, &found) != 0) return system_error(ErrorKind::lost, "fstat", errno);
  if (static_cast<std::size_t>(found.st_size) != bytes_of(queues, producers)) {
    return usage_error("the table of effects has another size than this workload's");
  }
  EffectsTable table;
  table.queues_ = queues;
  table.producers_ = producers;
  BOOST_OUTCOME_TRYV(table.attach(fd));
  return table;
}

Result<void> EffectsTable::attach(int fd) {
  void* base = mmap(nullptr, bytes_of(queues_, producers_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (base == MAP_FAILED) return system_error(ErrorKind::lost, "mmap", errno);
  base_ = base;
  return success();
}

EffectsTable::EffectsTable(EffectsTable&& other) noexcept
    : fd_(std::move(other.fd_)),
      base_(std::exchange(other.base_, nullptr)),
      queues_(other.queues_),
      producers_(other.producers_) {}

EffectsTable& EffectsTable::operator=(EffectsTable&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(base_, other.base_);
  std::swap(queues_, other.queues_);
  std::swap(producers_, other.producers_);
  return *this;
}

EffectsTable::~EffectsTable() {
  if (base_ != nullptr) munmap(base_, bytes_of(queues_, producers_));
}

std::atomic<std::uint64_t>* EffectsTable::word_of(std::size_t queue, std::uint16_t producer, std::uint64_t seq) const {
  if (base_ == nullptr || queue >= queues_ || producer < 1 || producer > producers_ || seq >= messages_max) {
    return nullptr;
  }
  const std::size_t bit = (queue * producers_ + producer - 1) * messages_max + seq;
  return static_cast<std::atomic<std::uint64_t>*>(base_) + bit / 64;
}

bool EffectsTable::noted(std::size_t queue, std::uint16_t producer, std::uint64_t seq) const {
  const auto* word = word_of(queue, producer, seq);
  return word != nullptr && (word->load(std::memory_order_acquire) >> (seq % 64) & 1U) != 0;
}

bool EffectsTable::note(std::size_t queue, std::uint16_t producer, std::uint64_t seq) {
  auto* word = word_of(queue, producer, seq);
  if (word == nullptr) return true;
  const std::uint64_t bit = std::uint64_t{1} << (seq % 64);
  return (word->fetch_or(bit, std::memory_order_acq_rel) & bit) == 0;
}

}  // namespace troop::agents

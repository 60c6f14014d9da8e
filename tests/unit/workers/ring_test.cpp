#include "agents/workers/ring.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "common/clock.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace {

using protocol::Record;

/// A record whose every field follows from `n`, so that a torn one shows.
Record record_of(std::uint64_t n) {
  Record record;
  record.time = static_cast<std::int64_t>(n);
  record.intended = static_cast<std::int64_t>(n * 3);
  record.seq = n * 5;
  record.op = ~n;
  record.key = static_cast<std::uint32_t>(n * 7);
  record.channel = static_cast<std::uint32_t>(n * 11);
  for (auto& byte : record.reserved) byte = static_cast<std::uint8_t>(n);
  return record;
}

bool whole(const Record& record, std::uint64_t n) {
  const Record wanted = record_of(n);
  return std::memcmp(&record, &wanted, sizeof record) == 0;
}

std::vector<Record> drain(Ring& ring) {
  std::vector<Record> all;
  for (auto part = ring.peek(); !part.empty(); part = ring.peek()) {
    all.insert(all.end(), part.begin(), part.end());
    ring.consume(part.size());
  }
  return all;
}

TEST(RingTest, HandsOutWhatWasPushedInOrderOverManyWraps) {
  auto ring = Ring::create(8);
  ASSERT_TRUE(ring);
  auto writer = RingWriter::attach(ring.value().fd());
  ASSERT_TRUE(writer);
  std::uint64_t written = 0;
  std::uint64_t read = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(writer.value().push(record_of(written++)));
    for (const Record& record : drain(ring.value())) EXPECT_TRUE(whole(record, read++));
  }
  EXPECT_EQ(read, 250U);
}

TEST(RingTest, ShowsAWrappedRestOnlyAfterTheFirstPartIsConsumed) {
  auto ring = Ring::create(4);
  auto writer = RingWriter::attach(ring.value().fd());
  for (std::uint64_t n = 0; n < 3; ++n) ASSERT_TRUE(writer.value().push(record_of(n)));
  ring.value().consume(3);
  for (std::uint64_t n = 3; n < 6; ++n) ASSERT_TRUE(writer.value().push(record_of(n)));
  ASSERT_EQ(ring.value().peek().size(), 1U);
  ring.value().consume(1);
  ASSERT_EQ(ring.value().peek().size(), 2U);
  EXPECT_TRUE(whole(ring.value().peek()[1], 5));
}

TEST(RingTest, MakesAWriterWaitWhenFullAndDropsNothing) {
  auto ring = Ring::create(4);
  auto writer = RingWriter::attach(ring.value().fd());
  constexpr std::uint64_t count = 500;
  std::atomic<std::uint64_t> pushed{0};
  std::thread thread{[&] {
    for (std::uint64_t n = 0; n < count && writer.value().push(record_of(n)); ++n) ++pushed;
  }};
  std::uint64_t read = 0;
  while (read < count) {
    const auto part = ring.value().peek();
    EXPECT_LE(part.size(), 4U);
    for (const Record& record : part) EXPECT_TRUE(whole(record, read++));
    ring.value().consume(part.size());
  }
  thread.join();
  EXPECT_EQ(pushed, count);
}

TEST(RingTest, LetsAWriterGoWhenAbortIsCommandedWhileItIsFull) {
  auto ring = Ring::create(2);
  auto writer = RingWriter::attach(ring.value().fd());
  ASSERT_TRUE(writer.value().push(record_of(0)));
  ASSERT_TRUE(writer.value().push(record_of(1)));
  ring.value().command(WorkerCommand::abort);
  EXPECT_FALSE(writer.value().push(record_of(2)));
  EXPECT_EQ(drain(ring.value()).size(), 2U);
}

TEST(RingTest, NeverUsesANumberTwiceAfterARestart) {
  auto ring = Ring::create(8);
  std::uint64_t seq = 0, op = 0, foreign = 0;
  std::uint32_t channel = 0;
  {
    auto first = RingWriter::attach(ring.value().fd());
    EXPECT_FALSE(first.value().restarted());
    for (int i = 0; i < 3; ++i) {
      seq = first.value().next_seq();
      op = first.value().next_op();
      channel = first.value().next_channel_epoch();
      foreign = first.value().next_foreign();
    }
    first.value().counters().invoked.set(10);
    first.value().counters().confirmed.set(6);
    first.value().counters().failed.set(1);
    first.value().counters().in_flight.set(3);
    first.value().counters().close_proven.set(1);
    ASSERT_TRUE(first.value().push(record_of(0)));
  }
  ring.value().prepare_restart();
  auto second = RingWriter::attach(ring.value().fd());
  EXPECT_TRUE(second.value().restarted());
  EXPECT_EQ(second.value().next_seq(), seq + 1);
  EXPECT_EQ(second.value().next_op(), op + 1);
  EXPECT_EQ(second.value().next_channel_epoch(), channel + 1);
  EXPECT_EQ(second.value().next_foreign(), foreign + 1);
  EXPECT_EQ(ring.value().counters().abandoned.get(), 3U);
  EXPECT_EQ(ring.value().counters().in_flight.get(), 0U);
  EXPECT_EQ(ring.value().counters().close_proven.get(), 0U);
  ASSERT_TRUE(second.value().push(record_of(1)));
  EXPECT_EQ(drain(ring.value()).size(), 2U);
}

TEST(RingTest, PassesCommandsAndStates) {
  auto ring = Ring::create(2);
  auto writer = RingWriter::attach(ring.value().fd());
  EXPECT_EQ(ring.value().state(), WorkerState::starting);
  EXPECT_EQ(writer.value().command(), WorkerCommand::run);
  writer.value().state(WorkerState::connected);
  ring.value().command(WorkerCommand::finish);
  EXPECT_EQ(ring.value().state(), WorkerState::connected);
  EXPECT_EQ(writer.value().command(), WorkerCommand::finish);
}

TEST(RingTest, RecordsNothingWhenRecordingIsOff) {
  auto ring = Ring::create(2, false);
  auto writer = RingWriter::attach(ring.value().fd());
  for (std::uint64_t n = 0; n < 10; ++n) EXPECT_TRUE(writer.value().push(record_of(n)));
  EXPECT_TRUE(drain(ring.value()).empty());
}

TEST(RingTest, RefusesACapacityThatIsNoPowerOfTwo) {
  for (const std::uint64_t capacity : {0ULL, 1ULL, 3ULL, 1ULL << 25}) EXPECT_FALSE(Ring::create(capacity)) << capacity;
}

TEST(RingTest, CannotBeResizedByEitherSide) {
  auto ring = Ring::create(8);
  EXPECT_NE(ftruncate(ring.value().fd(), 4096), 0);
  EXPECT_NE(ftruncate(ring.value().fd(), 1 << 20), 0);
}

TEST(RingTest, RefusesMemoryThatIsNoRing) {
  UniqueFd unsealed{memfd_create("x", MFD_CLOEXEC)};
  ASSERT_EQ(ftruncate(unsealed.get(), 8192), 0);
  EXPECT_FALSE(RingWriter::attach(unsealed.get()));

  UniqueFd empty{memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  ASSERT_EQ(ftruncate(empty.get(), 8192), 0);
  ASSERT_EQ(fcntl(empty.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
  EXPECT_FALSE(RingWriter::attach(empty.get()));
  EXPECT_FALSE(RingWriter::attach(-1));
}

TEST(RingTest, RefusesAHeaderThatClaimsMoreThanTheMemoryHolds) {
  auto ring = Ring::create(8);
  auto mapping = RingMapping::map(ring.value().fd());
  ASSERT_TRUE(mapping);
  mapping.value().header().capacity = 1 << 20;
  EXPECT_FALSE(RingWriter::attach(ring.value().fd()));
}

TEST(RingTest, StopsReadingWhenAWriterClaimsAnImpossibleHead) {
  auto ring = Ring::create(8);
  auto mapping = RingMapping::map(ring.value().fd());
  mapping.value().header().head.store(1000);
  EXPECT_TRUE(ring.value().peek().empty());
  EXPECT_TRUE(ring.value().corrupt());
}

/// The child records n before it acts on n, as a worker does before a publish; its acts are visible in `acted`.
[[noreturn]] void write_until_killed(int fd, std::atomic<std::uint64_t>& acted) {
  auto writer = RingWriter::attach(fd);
  if (!writer) _exit(1);
  for (std::uint64_t n = writer.value().next_seq();; n = writer.value().next_seq()) {
    if (!writer.value().push(record_of(n))) _exit(2);
    acted.store(n, std::memory_order_relaxed);
  }
}

TEST(RingTest, TellsTheWallClockOfTheWorkerToWhoeverAskedBefore) {
  auto ring = Ring::create(8);
  auto writer = RingWriter::attach(ring.value().fd());
  ASSERT_TRUE(writer);
  writer.value().tell_clock();  // nobody has asked
  const std::int64_t before = wall_ns();
  const auto first = ring.value().ask_clock();
  EXPECT_FALSE(ring.value().told_clock(first));
  writer.value().tell_clock();
  const auto told = ring.value().told_clock(first);
  ASSERT_TRUE(told);
  EXPECT_GE(told->count(), before);
  EXPECT_LE(told->count(), wall_ns());
  const auto second = ring.value().ask_clock();
  EXPECT_FALSE(ring.value().told_clock(second)) << "that was the answer to the first";
  auto restarted = RingWriter::attach(ring.value().fd());
  restarted.value().tell_clock();
  EXPECT_TRUE(ring.value().told_clock(second)) << "its successor answers";
}

TEST(RingTest, HoldsEveryActedOnRecordWholeAfterTheWriterIsKilledAnywhere) {
  auto ring = Ring::create(1 << 10);
  void* shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& acted = *new (shared) std::atomic<std::uint64_t>{0};
  Random random{42, "kill the writer"};
  std::uint64_t last = 0;  // one ring for all lives: numbers go on from one process to the next
  std::uint64_t skipped = 0;
  for (int life = 0; life < 200; ++life) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(ring.value().fd(), acted);
    // The kill comes after a random number of records, not after a time: nothing here depends on the clock.
    const std::uint64_t enough = last + 1 + random.below(3000);
    const auto take = [&] {
      for (const Record& record : drain(ring.value())) {
        EXPECT_GT(record.time, static_cast<std::int64_t>(last));
        skipped += static_cast<std::uint64_t>(record.time) - last - 1;
        last = static_cast<std::uint64_t>(record.time);
        EXPECT_TRUE(whole(record, last));
      }
    };
    while (last < enough) take();
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    take();
    ASSERT_GE(last, acted.load()) << "an act without its record, life " << life;
  }
  EXPECT_LE(skipped, 200U);  // at most the number taken when the process died
  EXPECT_FALSE(ring.value().corrupt());
  munmap(shared, 4096);
}

}  // namespace
}  // namespace troop::agents

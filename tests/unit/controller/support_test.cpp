// What is typed and what is said. A watcher that left must not end a run.
#include "controller/cli/support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "controller/cli/watch.hpp"

namespace troop::controller {
namespace {

/// stderr goes elsewhere while this lives.
class StderrTo {
 public:
  explicit StderrTo(int fd) : before_(dup(STDERR_FILENO)) {
    dup2(fd, STDERR_FILENO);
    close(fd);
  }
  StderrTo(const StderrTo&) = delete;
  StderrTo& operator=(const StderrTo&) = delete;
  ~StderrTo() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    std::clearerr(stderr);
  }

 private:
  int before_;
};

int pipe_that_nobody_reads() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  close(ends[0]);
  return ends[1];
}

TEST(Output, SaysFalseWhereTheDiskIsFull) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> full{std::fopen("/dev/full", "w"), std::fclose};
  ASSERT_NE(full, nullptr);
  EXPECT_FALSE(write_all(full.get(), "words"));
  EXPECT_EQ(errno, ENOSPC);
}

TEST(Output, OfARunGoesNowhereWithoutEndingIt) {
  std::signal(SIGPIPE, SIG_IGN);
  for (const bool terminal : {false, true}) {
    const StderrTo nobody{pipe_that_nobody_reads()};
    const auto progress = make_progress(terminal);
    EXPECT_NO_THROW({
      progress->phase("steady state");
      progress->note("broker.stop on broker");
      progress->tick("experiment", Duration{1}, Counts{});
    });
  }
  EXPECT_EQ(report_error(usage_error("still speaks")), 2);
}

TEST(Seed, IsAWholeNumberThatEveryDocumentKeeps) {
  for (const char* good : {"0", "42", "9223372036854775807"}) EXPECT_EQ(seed_problem(good), "") << good;
  for (const char* bad : {"", "-1", "-0x1", "1.5", " 7", "7 ", "0x10", "9223372036854775808", "18446744073709551616"})
    EXPECT_NE(seed_problem(bad), "") << bad;
}

}  // namespace
}  // namespace troop::controller

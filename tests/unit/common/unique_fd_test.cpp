#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace troop {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFdTest, OwnsNothingAtFirst) {
  const UniqueFd none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
}

TEST(UniqueFdTest, ClosesAtTheEndOfItsLife) {
  int fd = -1;
  {
    const UniqueFd owner{open_null()};
    fd = owner.get();
    ASSERT_TRUE(owner);
    ASSERT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFdTest, CountsZeroAsADescriptor) {
  UniqueFd zero{0};
  EXPECT_TRUE(zero);
  EXPECT_EQ(zero.release(), 0);
}

TEST(UniqueFdTest, MovesItsDescriptorAndClosesTheOneBefore) {
  UniqueFd from{open_null()};
  UniqueFd to{open_null()};
  const int moved = from.get();
  const int replaced = to.get();
  to = std::move(from);
  EXPECT_EQ(to.get(), moved);
  EXPECT_TRUE(is_open(moved));
  EXPECT_FALSE(is_open(replaced));
  const UniqueFd last{std::move(to)};
  EXPECT_EQ(last.get(), moved);
}

TEST(UniqueFdTest, SurvivesBeingMovedToItself) {
  UniqueFd owner{open_null()};
  UniqueFd& same = owner;
  owner = std::move(same);
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(UniqueFdTest, ReleasesWithoutClosing) {
  UniqueFd owner{open_null()};
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(fd));
  ::close(fd);
}

TEST(UniqueFdTest, ResetsToAnotherDescriptor) {
  UniqueFd owner{open_null()};
  const int before = owner.get();
  const int after = open_null();
  owner.reset(after);
  EXPECT_FALSE(is_open(before));
  EXPECT_EQ(owner.get(), after);
  owner.reset();
  EXPECT_FALSE(is_open(after));
}

}  // namespace
}  // namespace troop

// What every fault owes that uses up a part of the machine: little of it, in these tests, and a small disk of their
// own.
#include "agents/faults/burden_faults.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "agents/fault.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_support::run;

struct NoParts : Parts {
  Part* find(std::string_view) override { return nullptr; }
};

/// 16 MiB of memory as a file system, which nobody else sees and the kernel removes with this process.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    const bool alone = unshare(CLONE_NEWNS) == 0 && mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    there_ = alone && mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=16m") == 0;
  }
  ~SmallDisk() {
    if (there_) (void)umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool there() const { return there_; }
  [[nodiscard]] std::uint64_t free_mib() const {
    const UniqueFd folder{open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return available_room(folder.get()) / bytes_per_mib;
  }

 private:
  std::filesystem::path path_;
  bool there_ = false;
};

class EveryBurden : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    if (!disk_.there()) GTEST_SKIP() << "no file system of its own (root is needed)";
    setenv("TROOP_STATE_DIR", (folder_ / "state").c_str(), 1);
    order_.number = 5;
    order_.fault = GetParam().name;
    order_.victim = "local";
    auto& with = order_.parameters;
    if (is("cpu.burn")) with = {{"threads", std::int64_t{1}}, {"percent", std::int64_t{5}}};  // also on a busy machine
    if (is("memory.fill")) with = {{"mib", std::int64_t{48}}, {"keep_free_mib", std::int64_t{64}}};
    if (is("disk.fill")) with = {{"path", path()}, {"mib", std::int64_t{10}}, {"keep_free_mib", std::int64_t{2}}};
    if (is("io.burn")) with = {{"path", path()}, {"mib_per_second", std::int64_t{20}}, {"file_mib", std::int64_t{2}}};
  }
  void TearDown() override { unsetenv("TROOP_STATE_DIR"); }
  [[nodiscard]] bool is(std::string_view name) const { return order_.fault == name; }
  [[nodiscard]] std::string path() const { return folder_ / "disk"; }
  Result<UndoRecord> plan() { return GetParam().plan(parts_, order_); }
  Result<Proof> apply() { return run(GetParam().apply(parts_, order_, nothing_)); }
  Result<Proof> revert() { return run(GetParam().revert(parts_, order_, nothing_)); }
  HeldBurdens& held() { return dynamic_cast<HeldBurdens&>(*parts_.holdings().at(5)); }
  void expect_refused(const std::string& why) {
    const auto planned = plan();
    ASSERT_TRUE(planned.has_error()) << why;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, AllOf(HasSubstr(order_.fault), HasSubstr(why)));
    EXPECT_TRUE(apply().has_error());
    EXPECT_TRUE(parts_.holdings().empty());
    EXPECT_TRUE(children().empty());
  }

  testing_support::TemporaryFolder folder_;
  SmallDisk disk_{folder_ / "disk"};
  NoParts parts_;
  protocol::StepOrder order_;
  const boost::json::object nothing_;
};

TEST_P(EveryBurden, ProvesThatItTookEffectAndThatItIsOver) {
  const std::uint64_t free_before = disk_.free_mib();
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_TRUE(children().empty()) << "a plan changes nothing";
  for (int round = 0; round < 2; ++round) {
    const std::int64_t asked = monotonic_ns();
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().context;
    EXPECT_GE(applied.value().time, asked);
    EXPECT_EQ(children().size(), 1U);
    EXPECT_TRUE(parts_.holdings().at(5)->renew());
    const pid_t child = held().burdens.front().pid();
    std::ifstream score{"/proc/" + std::to_string(child) + "/oom_score_adj"};
    int first_to_go = 0;
    EXPECT_TRUE(score >> first_to_go);
    EXPECT_EQ(first_to_go, 1000);
    if (is("cpu.burn")) {
      EXPECT_GE(held().burdens.front().cpu_time(), std::chrono::milliseconds{10});
    }
    if (is("memory.fill")) {
      EXPECT_GE(held().burdens.front().resident(), 48 * bytes_per_mib);
    }
    if (is("disk.fill")) {
      EXPECT_EQ(disk_.free_mib(), free_before - 10);
    }
    if (is("io.burn")) {
      EXPECT_GE(held().bytes(), 5 * bytes_per_mib);
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "disk")) << "files have no names";
    for (int again = 0; again < 2; ++again) {
      const auto reverted = revert();
      ASSERT_TRUE(reverted) << reverted.error().context;
      EXPECT_FALSE(reverted.value().text.empty());
      EXPECT_TRUE(children().empty());
      EXPECT_EQ(disk_.free_mib(), free_before);
      EXPECT_TRUE(parts_.holdings().empty());
    }
  }
}

TEST_P(EveryBurden, EndsWithItsAgent) {
  const std::uint64_t free_before = disk_.free_mib();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd hears{ends[0]};
  UniqueFd says{ends[1]};
  const test::Fork agent{[&] {
    if (!apply()) ::_exit(1);
    const pid_t child = held().burdens.front().pid();
    if (write(ends[1], &child, sizeof child) != sizeof child) ::_exit(2);
    test::wait_for_ever();
  }};
  says.reset();
  pid_t child = 0;
  ASSERT_EQ(read(hears.get(), &child, sizeof child), static_cast<ssize_t>(sizeof child));
  const UniqueFd pinned = test::pin(child);
  ::kill(agent.pid(), SIGKILL);
  EXPECT_TRUE(test::is_gone(pinned, std::chrono::seconds{5}));
  EXPECT_TRUE(test::until([&] { return disk_.free_mib() == free_before; }));
}

TEST_P(EveryBurden, SaysWhereItEndedByItselfThatItIsOver) {
  ASSERT_TRUE(apply());
  ::kill(held().burdens.front().pid(), SIGKILL);
  EXPECT_TRUE(test::until([&] { return parts_.holdings().at(5)->renew().has_error(); }))
      << "so the run is inconclusive";
  EXPECT_TRUE(revert());
}

TEST_P(EveryBurden, RefusesWhatCannotBeBeforeAnythingIsTouched) {
  const auto good = order_.parameters;
  if (is("cpu.burn")) {
    order_.parameters["threads"] = std::int64_t{100'000};
    expect_refused("100000 threads: this machine has ");
  }
  if (is("memory.fill")) {
    order_.parameters["mib"] = std::int64_t{16'000'000};
    expect_refused("too few to take 16000000 MiB and keep 64 MiB");
    order_.parameters = {{"percent", 100.0}, {"keep_free_mib", std::int64_t{64}}};
    expect_refused("and keep 64 MiB");
    order_.parameters.clear();
    expect_refused("neither 'mib' nor 'percent'");
  }
  if (is("disk.fill")) {
    order_.parameters["mib"] = std::int64_t{15};
    expect_refused("16 MiB are free: too few to take 15 MiB and keep 2 MiB");
  }
  if (is("io.burn")) {
    order_.parameters["file_mib"] = std::int64_t{9};
    expect_refused("16 MiB are free: too few for a file of 9 MiB");
  }
  if (good.contains("path")) {
    order_.parameters = good;
    order_.parameters["path"] = std::string{"/nowhere; rm -rf /"};
    expect_refused("No such file or directory");
    order_.parameters["path"] = std::string{"disk"};
    expect_refused("Invalid argument");
    order_.parameters["path"] = std::string{"/proc"};
    expect_refused("no file without a name");
    order_.parameters["path"] = path();
    setenv("TROOP_STATE_DIR", (folder_ / "disk/state/of/somebody").c_str(), 1);
    expect_refused("the file system of the agent's undo journal");
  }
}

std::vector<Fault> burden_faults() {
  std::vector<Fault> found;
  for (const char* name : {"cpu.burn", "memory.fill", "disk.fill", "io.burn"}) found.push_back(*find_fault(name));
  return found;
}

INSTANTIATE_TEST_SUITE_P(, EveryBurden, testing::ValuesIn(burden_faults()), [](const auto& each) {
  std::string name{each.param.name};
  name.replace(name.find('.'), 1, "_");
  return name;
});

class BurdenTest : public EveryBurden {};

TEST_P(BurdenTest, GivesBackWhatOthersNeed) {
  ASSERT_TRUE(apply());
  // Somebody else writes until the floor is reached: of 16 MiB, 10 are held and 2 stay free.
  std::ofstream other{folder_ / "disk/other"};
  for (int i = 0; i < 8; ++i) {
    other << std::string(bytes_per_mib, 'x') << std::flush;
    EXPECT_TRUE(test::until([&] { return disk_.free_mib() >= 2; })) << i;
  }
  EXPECT_TRUE(other.good());
  EXPECT_LE(held().bytes(), 6 * bytes_per_mib);
  EXPECT_TRUE(held().burdens.front().was_limited());
  const auto reverted = revert();
  ASSERT_TRUE(reverted) << reverted.error().context;
  EXPECT_THAT(reverted.value().text, HasSubstr("given back before"));
}

INSTANTIATE_TEST_SUITE_P(DiskFill, BurdenTest, testing::Values(*find_fault("disk.fill")),
                         [](const auto&) { return std::string{"disk_fill"}; });

TEST(BurdenLeaseTest, EndsAChildThatNobodyRenews) {
  const auto burden = Burden::start({.kind = BurdenPlan::Kind::cpu, .percent = 1, .lease = std::chrono::seconds{1}});
  ASSERT_TRUE(burden) << burden.error().context;
  const UniqueFd pinned = test::pin(burden.value().pid());
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(test::is_gone(pinned, std::chrono::milliseconds{400})) << "it is renewed";
    EXPECT_TRUE(burden.value().renew());
  }
  EXPECT_TRUE(test::is_gone(pinned, std::chrono::seconds{20}));
  EXPECT_TRUE(burden.value().renew().has_error());
}

}  // namespace
}  // namespace troop::agents

#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "scenarios/model/faults/catalogue.hpp"

namespace troop::model {
namespace {

TEST(Faults, are_the_documented_ones) {
  std::vector<std::string_view> names;
  for (const auto& fault : faults()) names.push_back(fault.name);
  EXPECT_THAT(names, testing::ElementsAre("broker.stop", "broker.kill", "broker.pause", "broker.restart",
                                          "broker.stop_app", "broker.suspend_listeners", "broker.close_connections",
                                          "broker.close_channel", "broker.memory_alarm", "broker.disk_alarm",
                                          "broker.queue_full", "broker.policy", "broker.purge", "broker.delete_queue",
                                          "broker.delete_exchange", "broker.delete_binding", "process.kill",
                                          "process.pause", "process.crash_loop", "instance.kill", "service.stop",
                                          "zone.down", "clock.skew", "cpu.burn", "memory.fill", "disk.fill", "io.burn",
                                          "fd.exhaust", "network.latency", "network.partition", "network.reject",
                                          "network.loss", "network.duplicate", "network.corrupt", "network.reorder",
                                          "network.bandwidth", "network.reset", "network.blackhole", "network.dns"));
}

TEST(Faults, each_file_of_the_folder_is_in_the_table) {
  std::set<std::string> described, files;
  for (const auto& fault : faults()) {
    std::string name{fault.name};
    name.replace(name.find('.'), 1, "_");
    described.insert(name);
  }
  for (const auto& entry : std::filesystem::directory_iterator{TROOP_SOURCE_DIR "/scenarios/model/faults"}) {
    const std::string stem = entry.path().stem();
    if (stem != "catalogue") files.insert(stem);
  }
  EXPECT_EQ(files, described);
}

TEST(Faults, each_says_how_it_is_done_proven_and_undone) {
  ASSERT_FALSE(faults().empty());
  for (const auto& fault : faults()) {
    SCOPED_TRACE(fault.name);
    EXPECT_FALSE(fault.summary.empty());
    EXPECT_FALSE(fault.back_end.empty());
    EXPECT_FALSE(fault.proof.empty());
    EXPECT_FALSE(fault.undo.empty());
    EXPECT_FALSE(fault.targets.empty());
    EXPECT_FALSE(fault.client_sees.empty());
    // What it leaves behind is said; faults that leave nothing are known by name.
    const bool leaves_nothing = fault.name == "broker.suspend_listeners" ||
                                (fault.name.starts_with("network.") && fault.name != "network.reset") ||
                                fault.name == "cpu.burn";
    EXPECT_EQ(fault.irreversible.empty(), leaves_nothing);
    EXPECT_GT(fault.undo_max, Duration{0});
    for (const auto target : fault.targets)
      EXPECT_THAT(target, testing::AnyOf("broker", "producer", "consumer", "host", "local", "zone"));
  }
}

TEST(Faults, parameters_have_unique_names_that_no_step_key_hides) {
  for (const auto& fault : faults()) {
    std::set<std::string_view> names{"at", "fault", "target", "for"};
    for (const auto& parameter : fault.parameters) {
      EXPECT_TRUE(names.insert(parameter.name).second) << fault.name << " " << parameter.name;
      EXPECT_FALSE(parameter.what.empty()) << fault.name << " " << parameter.name;
    }
  }
}

TEST(Faults, are_found_by_name) {
  ASSERT_NE(find_fault(faults(), "broker.kill"), nullptr);
  EXPECT_EQ(find_fault(faults(), "broker.kill")->name, "broker.kill");
  EXPECT_EQ(find_fault(faults(), "broker.kil"), nullptr);
}

}  // namespace
}  // namespace troop::model

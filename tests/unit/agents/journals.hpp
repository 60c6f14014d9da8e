// Journals of agents that live and of agents that died, for the tests of the undo journal.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "agents/undo_journal.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents::test {

inline std::string content(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

inline std::vector<std::filesystem::path> journals_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{folder, ignored}) found.push_back(entry.path());
  return found;
}

/// A debt that costs nothing to pay.
inline UndoRecord fault_record(const std::string& name) { return {"fault", {{"fault", name}}}; }

class StateFolderTest : public testing::Test {
 protected:
  UndoJournal create() {
    auto journal = UndoJournal::create(state_);
    EXPECT_TRUE(journal) << journal.error().context;
    return std::move(journal).value();
  }
  /// The journal of an agent that died owing these.
  void left_by_the_dead(const std::vector<UndoRecord>& records) {
    auto journal = create();
    for (const auto& record : records) ASSERT_TRUE(journal.append(record));
  }
  /// A dead agent's journal with exactly this text in it.
  void left_as_text(const std::string& text) {
    std::filesystem::create_directories(state_);
    std::ofstream{state_ / "agent-1-00000000.journal", std::ios::binary} << text;
  }

  testing_support::TemporaryFolder folder_;
  std::filesystem::path state_ = folder_ / "state";
};

}  // namespace troop::agents::test

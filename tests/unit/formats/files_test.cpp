#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "reports/formats/formats.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunDirectory : public ::testing::Test {
 protected:
  RunDirectory() {
    std::string pattern = (fs::temp_directory_path() / "troop-formats-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~RunDirectory() override { fs::remove_all(path_); }

  void put(const std::string& name, const std::string& text) const { std::ofstream{path_ / name} << text; }
  static std::string get(const fs::path& file) {
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{path_}, fs::directory_iterator{}));
  }

  fs::path path_;
};

TEST_F(RunDirectory, HoldsEveryDocumentThatHasAFile) {
  ASSERT_TRUE(write(testing::sample_document(), path_));
  EXPECT_EQ(get(path_ / "run.json"), to_json(testing::sample_document()));
  EXPECT_EQ(get(path_ / "report.html"), to_html(testing::sample_document()));
  const Options here{.colour = false, .width = 100, .directory = path_.filename().string()};
  EXPECT_EQ(get(path_ / "junit.xml"), to_junit(testing::sample_document(), here));
  EXPECT_EQ(get(path_ / "summary.md"), to_markdown(testing::sample_document(), here));
  for (const char* travels : {"summary.md", "junit.xml", "report.html"}) {
    EXPECT_EQ(get(path_ / travels).find(path_.parent_path().string() + "/"), std::string::npos) << travels;
  }
  EXPECT_EQ(entries(), 4U) << "no temporary file stays";
  const auto back = read(path_);
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(back.value().id, testing::sample_document().id);
}

TEST_F(RunDirectory, IsReplacedAsAWhole) {
  put("run.json", "old and much longer than what comes");
  ASSERT_TRUE(write_file(path_ / "run.json", "new"));
  EXPECT_EQ(get(path_ / "run.json"), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(RunDirectory, SaysThatItCannotBeWritten) {
  const auto written = write(testing::bare_document(), path_ / "missing");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::lost);
  EXPECT_THAT(written.error().context, HasSubstr("missing/run.json: No such file or directory"));
}

TEST_F(RunDirectory, KeepsTheOldFileWhenRenamingFails) {
  fs::create_directories(path_ / "run.json" / "in-the-way");
  EXPECT_FALSE(write_file(path_ / "run.json", "text"));
  EXPECT_EQ(entries(), 1U) << "the temporary file is removed";
}

TEST_F(RunDirectory, IsRefusedWhenMissingEmptyOrStrange) {
  const auto complaint = [](const fs::path& path) {
    const auto result = read(path);
    EXPECT_FALSE(result);
    if (result) return std::string{};
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    return result.error().context;
  };
  EXPECT_THAT(complaint(path_ / "nowhere"), HasSubstr("nowhere is no run directory: No such file or directory"));
  EXPECT_THAT(complaint(path_), HasSubstr("is no run directory: cannot read"));
  put("run.json", "");
  EXPECT_THAT(complaint(path_), HasSubstr("is empty"));
  EXPECT_THAT(complaint(path_ / "run.json"), HasSubstr("is no run directory"));
  put("run.json", "garbage");
  EXPECT_THAT(complaint(path_), HasSubstr("not JSON"));
  fs::remove(path_ / "run.json");
  fs::create_directory(path_ / "run.json");
  EXPECT_THAT(complaint(path_), HasSubstr("is not a regular file"));
  fs::remove(path_ / "run.json");
  ASSERT_EQ(::mkfifo((path_ / "run.json").c_str(), 0600), 0);
  EXPECT_THAT(complaint(path_), HasSubstr("is not a regular file")) << "and does not wait for a writer";
}

TEST_F(RunDirectory, RefusesAFileThatNoRunWrites) {
  put("run.json", "{");
  fs::resize_file(path_ / "run.json", std::uintmax_t{1} << 30);
  const auto result = read(path_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().context, HasSubstr("too large"));
}

TEST(FullDisk, IsSaid) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  const auto written = write_file("/dev/full", "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::lost);
  EXPECT_THAT(written.error().context, HasSubstr("cannot write /dev/full: No space left on device"));
  EXPECT_TRUE(fs::is_character_file("/dev/full")) << "a device is never replaced";
}

}  // namespace
}  // namespace troop::formats

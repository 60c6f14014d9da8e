// The commands that touch nothing but files: plan, validate, list, new.
#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "controller/cli/template.hpp"

namespace troop::controller {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string library = TROOP_SOURCE_DIR "/scenarios/library";

struct Ran {
  int exit_code = -1;
  std::string out, err;
};

/// Runs in a folder of its own, so that `new` writes there.
class Commands : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "troop-cli-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    before = fs::current_path();
    fs::current_path(folder);
  }
  void TearDown() override {
    fs::current_path(before);
    fs::remove_all(folder);
  }

  static Ran run(std::vector<std::string> arguments) {
    CLI::App app{"troop"};
    Ran ran;
    add_commands(app, ran.exit_code);
    std::ranges::reverse(arguments);  // CLI11 takes them last first
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError& error) {
      ran.exit_code = code(Exit::usage);
      ran.err = error.what();
    }
    ran.out = testing::internal::GetCapturedStdout();
    ran.err += testing::internal::GetCapturedStderr();
    return ran;
  }

  fs::path folder, before;
};

TEST_F(Commands, plan_prints_the_timeline_of_a_library_name) {
  const auto ran = run({"plan", "--set", "step.0.for=2s", "broker/stop", "--seed", "42", "--library", library});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("broker.stop on broker, held 2s"));
  EXPECT_THAT(ran.out, HasSubstr("seed          42"));
  EXPECT_TRUE(fs::is_empty(folder)) << "a plan touches nothing";
}

TEST_F(Commands, plan_prints_json) {
  const auto ran = run({"plan", library + "/broker/kill.toml", "--seed", "42", "--format", "json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(boost::json::parse(ran.out).at("scenario").as_string(), "broker-kill");
}

TEST_F(Commands, plan_of_something_wrong_exits_2_and_says_why) {
  EXPECT_THAT(run({"plan", "none.toml"}).err, HasSubstr("none.toml: cannot be read: No such file or directory"));
  EXPECT_EQ(run({"plan", "none.toml"}).exit_code, 2);
  const auto ran = run({"plan", "broker/stop", "--library", library, "--set", "workload.rate=fast"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--set workload.rate: 'rate': expected a number"));
  EXPECT_EQ(run({"plan", "broker/stop", "--library", library, "--set", "rate"}).exit_code, 2);
}

TEST_F(Commands, validate_takes_files_and_folders) {
  const auto ran = run({"validate", library});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, testing::MatchesRegex("[0-9]+ scenarios, no problems\n"));
  EXPECT_EQ(run({"validate", library + "/broker/stop.toml"}).out, "1 scenario, no problems\n");
}

TEST_F(Commands, validate_prints_every_problem_of_every_file) {
  std::ofstream{folder / "a.toml"} << "name = \"A\"\nduraton = \"5s\"\n[[invariant]]\nkind = \"order\"\n";
  std::ofstream{folder / "b.toml"} << "name = \n";
  const auto ran = run({"validate", ".", library + "/broker/stop.toml", "missing.toml"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("./a.toml:1:8: 'name': \"A\" must be of a-z, 0-9 and - only\n"));
  EXPECT_THAT(ran.err, HasSubstr("./a.toml:2:1: unknown key \"duraton\" in a scenario, did you mean 'duration'?\n"));
  EXPECT_THAT(ran.err, HasSubstr("./b.toml:1:"));
  EXPECT_THAT(ran.err, HasSubstr("missing.toml: cannot be read: No such file or directory\n"));
  EXPECT_THAT(ran.err, HasSubstr("4 scenarios, 4 problems\n"));
}

TEST_F(Commands, validate_of_a_folder_without_scenarios_is_no_success) {
  const auto ran = run({"validate", "."});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("there is no .toml file below this folder"));
}

TEST_F(Commands, list_names_everything_with_its_parameters) {
  EXPECT_THAT(run({"list", "faults"}).out, testing::AllOf(HasSubstr("broker.kill\n"), HasSubstr("default SIGKILL")));
  EXPECT_THAT(run({"list", "probes"}).out, HasSubstr("amqp.publish\n"));
  EXPECT_THAT(run({"list", "invariants"}).out, testing::AllOf(HasSubstr("delivery\n"), HasSubstr("at-least-once")));
  EXPECT_THAT(
      run({"list", "scenarios", "--library", library}).out,
      testing::AllOf(HasSubstr("broker/kill-transient"), HasSubstr("RabbitMQ stops for 5 s under load; 20s of load")));
  EXPECT_EQ(run({"list", "nothing"}).exit_code, 2);
  EXPECT_EQ(run({"list", "scenarios", "--library", "none"}).exit_code, 2);
}

TEST_F(Commands, list_prints_json) {
  for (const auto* what : {"faults", "probes", "invariants", "scenarios"}) {
    const auto ran = run({"list", what, "--format", "json", "--library", library});
    EXPECT_EQ(ran.exit_code, 0) << what;
    EXPECT_FALSE(boost::json::parse(ran.out).as_array().empty()) << what;
  }
}

TEST_F(Commands, new_writes_a_scenario_that_is_valid) {
  EXPECT_EQ(run({"new", "my-scenario"}).exit_code, 0);
  const auto reading = scenarios::read_scenario("my-scenario.toml", catalogue());
  ASSERT_TRUE(reading.scenario.has_value()) << scenarios::to_text(reading.problems.at(0));
  EXPECT_EQ(reading.scenario->name, "my-scenario");
}

TEST_F(Commands, new_overwrites_nothing_and_takes_plain_names_only) {
  EXPECT_EQ(run({"new", "x"}).exit_code, 0);
  std::ofstream{"x.toml"} << "mine";
  const auto again = run({"new", "x"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("x.toml exists already"));
  EXPECT_EQ(fs::file_size("x.toml"), 4U);
  for (const auto* bad : {"../x", "X", "a b", "x.toml", ""}) EXPECT_EQ(run({"new", bad}).exit_code, 2) << bad;
}

TEST_F(Commands, the_template_stays_valid_with_every_commented_key_taken_in) {
  std::string text = scenario_template("x");
  for (const std::string_view mark :
       {"# port", "# binary", "# start_timeout", "# name", "# work ", "# timeout", "# windows"}) {
    const auto at = text.find(mark);
    ASSERT_NE(at, std::string::npos) << mark;
    text.erase(at, 2);
  }
  std::ofstream{"full.toml"} << text;
  const auto full = scenarios::read_scenario("full.toml", catalogue());
  ASSERT_TRUE(full.scenario.has_value()) << scenarios::to_text(full.problems.at(0));
  // What is shown as a default is the default.
  std::ofstream{"short.toml"} << scenario_template("x");
  const auto brief = scenarios::read_scenario("short.toml", catalogue());
  EXPECT_EQ(full.scenario->broker.port, brief.scenario->broker.port);
  EXPECT_EQ(full.scenario->broker.binary, brief.scenario->broker.binary);
  EXPECT_EQ(full.scenario->broker.start_timeout, brief.scenario->broker.start_timeout);
  EXPECT_EQ(full.scenario->workload.queue.name, brief.scenario->workload.queue.name);
  EXPECT_EQ(full.scenario->workload.consume.work, brief.scenario->workload.consume.work);
  EXPECT_EQ(full.scenario->steady_state.at(0).timeout, brief.scenario->steady_state.at(0).timeout);
  EXPECT_EQ(full.scenario->invariants.at(3).parameters, brief.scenario->invariants.at(3).parameters);
}

TEST(Support, a_file_in_the_way_wins_over_a_library_name) {
  EXPECT_EQ(find_scenario("broker/stop", library), fs::path{library} / "broker/stop.toml");
  EXPECT_EQ(find_scenario("broker/none", library), "broker/none");
  EXPECT_EQ(find_scenario(library, library), library);
}

TEST(Support, the_catalogue_holds_all_three_tables) {
  EXPECT_GE(catalogue().faults.size(), 18U);
  EXPECT_FALSE(catalogue().probes.empty());
  EXPECT_GE(catalogue().invariants.size(), 5U);
}

TEST(Support, terminal_text_has_no_control_characters) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("é"), "é");
}

}  // namespace
}  // namespace troop::controller

// What is installed beside the programs says what the programs say: man pages, completions, the template.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "controller/cli/template.hpp"
#include "reports/formats/formats.hpp"
#include "scenarios/toml/schema.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/toml_json.hpp"

namespace troop::controller {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const fs::path root{TROOP_SOURCE_DIR};

std::string content(const fs::path& path) {
  std::ifstream in{path};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Ran {
  int exit_code = -1;  ///< -1: there is no such program.
  std::string out;     ///< Both streams.
};

Ran run(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (auto& text : arguments) argv.push_back(text.data());
  argv.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  Ran ran;
  char piece[4096];
  for (ssize_t got = 0; (got = read(ends[0], piece, sizeof piece)) > 0;) {
    ran.out.append(piece, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  if (failed == 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  return ran;
}

/// "run" → {"--seed", "--out", …}, of the program itself.
std::map<std::string, std::set<std::string>> commands() {
  CLI::App app{"troop"};
  int ignored = 0;
  add_commands(app, ignored);
  std::map<std::string, std::set<std::string>> all;
  for (const auto* command : app.get_subcommands({})) {
    auto& options = all[command->get_name()];
    for (const auto* option : command->get_options()) {
      for (const auto& name : option->get_lnames()) options.insert("--" + name);
    }
  }
  return all;
}

/// The source of a man page with its dashes as a reader sees them, and no font changes within a line.
std::string man_page(const std::string& name) {
  return std::regex_replace(content(root / "docs" / name), std::regex{R"(\\-)"}, "-");
}

/// What is between `.SS "troop NAME` and the next section.
std::string man_section(const std::string& page, const std::string& title) {
  const std::size_t begin = page.find(".SS \"" + title);
  if (begin == std::string::npos) return {};
  return page.substr(begin, page.find("\n.S", begin + 1) - begin);
}

std::set<std::string> long_options(const std::string& text) {
  static const std::regex option{"--[a-z][a-z-]*"};
  std::set<std::string> found;
  for (std::sregex_iterator match{text.begin(), text.end(), option}, end; match != end; ++match) {
    found.insert(match->str());
  }
  return found;
}

const std::string agent = TROOP_BIN_DIR "/troop-agent";

/// The same of the agent, by what it says itself.
std::map<std::string, std::set<std::string>> agent_commands() {
  const Ran help = run({agent, "--help"});
  EXPECT_EQ(help.exit_code, 0) << help.out;
  std::map<std::string, std::set<std::string>> all;
  std::istringstream lines{help.out.substr(help.out.find("ubcommands:"))};
  const std::regex command{"^  ([a-z-]+) .*"};
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, command)) all[match[1]] = long_options(run({agent, match[1], "--help"}).out);
  }
  return all;
}

/// Those that a person types; the others are started by programs.
std::map<std::string, std::set<std::string>> commands_for_people() {
  auto all = agent_commands();
  for (const char* name : {"serve", "worker"}) EXPECT_EQ(all.erase(name), 1U) << name;
  return all;
}

/// What bash offers behind these words; the last one is being typed.
std::vector<std::string> offered(const std::vector<std::string>& words) {
  const testing_support::TemporaryFolder folder;
  std::ofstream script{folder.path() / "ask"};
  const std::string name = fs::path{words.front()}.filename();
  script << "source '" << (root / "packaging/completions" / (name + ".bash")).string() << "'\nCOMP_WORDS=(";
  for (const auto& word : words) script << " '" << word << "'";
  script << ")\nCOMP_CWORD=" << words.size() - 1 << "\n"
         << std::regex_replace("_" + name, std::regex{"-"}, "_") << "\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  script.close();
  const Ran ran = run({"bash", (folder.path() / "ask").string()});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  std::vector<std::string> lines;
  std::istringstream out{ran.out};
  for (std::string line; std::getline(out, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

const std::string program = TROOP_BIN_DIR "/troop";

// ---- man pages ----

TEST(ManPage, OfTroopHasEveryCommandWithItsOptionsAndNoOther) {
  const std::string page = man_page("troop.1");
  ASSERT_GE(commands().size(), 8U);
  for (const auto& [name, options] : commands()) {
    const std::string section = man_section(page, "troop " + name);
    EXPECT_THAT(section, ::testing::Not(IsEmpty())) << name;
    auto shown = options;
    shown.erase("--help");  // told once, for all
    for (const auto& option : shown) EXPECT_THAT(section, HasSubstr(option)) << name;
    for (const auto& option : long_options(section)) EXPECT_TRUE(options.contains(option)) << name << " " << option;
  }
  EXPECT_THAT(page, ::testing::AllOf(HasSubstr("--help"), HasSubstr("--version")));
}

TEST(ManPage, OfTroopHasEveryExitCodeAndFormat) {
  const std::string page = man_page("troop.1");
  const std::string codes = page.substr(page.find(".SH EXIT STATUS"));
  for (const Exit exit : {Exit::pass, Exit::fail, Exit::usage, Exit::inconclusive, Exit::unrestored, Exit::interrupted,
                          Exit::terminated}) {
    EXPECT_TRUE(std::regex_search(codes, std::regex{"\n\\.BR? .*\\b" + std::to_string(code(exit)) + "\\b"}))
        << code(exit);
  }
  EXPECT_THAT(codes, HasSubstr("129"));
  for (const auto& format : formats::formats()) {
    EXPECT_THAT(man_section(page, "troop report"), HasSubstr(std::string{format.name}));
    EXPECT_THAT(man_section(page, "troop run"), HasSubstr(std::string{format.file}));
  }
}

TEST(ManPage, OfTheAgentHasWhatTheAgentSays) {
  const std::string page = man_page("troop-agent.1");
  ASSERT_THAT(agent_commands(), ::testing::Contains(::testing::Key("serve")));
  for (const auto& [name, options] : agent_commands()) {
    auto shown = options;
    shown.erase("--help");
    EXPECT_EQ(long_options(man_section(page, "troop-agent " + name)), shown) << name;
  }
  for (const char* exit : {".B 0\n", ".B 1\n", ".B 2\n", ".B 4\n"}) EXPECT_THAT(page, HasSubstr(exit));
}

TEST(ManPage, IsGoodRoff) {
  for (const char* name : {"troop.1", "troop-agent.1"}) {
    const fs::path page = root / "docs" / name;
    ASSERT_TRUE(fs::exists(page));
    const Ran ran = run({"groff", "-ww", "-man", "-Tutf8", "-z", page.string()});
    if (ran.exit_code < 0 || ran.exit_code == 127) GTEST_SKIP() << "no groff here";
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out, "") << name;
  }
}

// ---- completions ----

TEST(BashCompletion, OffersEveryCommand) {
  auto expected = std::vector<std::string>{"--help", "--version"};
  for (const auto& [name, options] : commands()) expected.push_back(name);
  EXPECT_THAT(offered({program, ""}), ::testing::UnorderedElementsAreArray(expected));
  EXPECT_THAT(offered({program, "re"}), ::testing::ElementsAre("report"));
}

TEST(BashCompletion, OffersEveryOptionOfACommandAndNoOther) {
  for (const auto& [name, options] : commands()) {
    EXPECT_THAT(offered({program, name, "--"}), ::testing::UnorderedElementsAreArray(options)) << name;
  }
}

TEST(BashCompletion, OfTheAgentOffersWhatPeopleType) {
  auto expected = std::vector<std::string>{"--help", "--version"};
  for (const auto& [name, options] : commands_for_people()) {
    expected.push_back(name);
    EXPECT_THAT(offered({agent, name, "--"}), ::testing::UnorderedElementsAreArray(options)) << name;
  }
  EXPECT_THAT(offered({agent, ""}), ::testing::UnorderedElementsAreArray(expected));
  EXPECT_THAT(offered({agent, "do"}), ::testing::ElementsAre("doctor"));
}

TEST(BashCompletion, OffersTheFormats) {
  std::vector<std::string> names;
  for (const auto& format : formats::formats()) names.emplace_back(format.name);
  EXPECT_THAT(offered({program, "report", "x", "--format", ""}), ::testing::UnorderedElementsAreArray(names));
  EXPECT_THAT(offered({program, "plan", "x", "--format", ""}), ::testing::UnorderedElementsAre("text", "json"));
}

TEST(BashCompletion, OffersScenariosByNameAndByFile) {
  EXPECT_THAT(offered({program, "run", "broker/kill-t"}), ::testing::ElementsAre("broker/kill-transient"));
  const std::string folder = (root / "scenarios/library/broker").string();
  EXPECT_THAT(offered({program, "plan", folder + "/kill-t"}), ::testing::ElementsAre(folder + "/kill-transient.toml"));
  EXPECT_THAT(offered({program, "validate", (root / "scenarios/lib").string()}),
              ::testing::ElementsAre((root / "scenarios/library").string()));
  EXPECT_THAT(offered({"/no/such/troop", "run", "broker/"}), IsEmpty()) << "without an error message";
}

TEST(BashCompletion, RunsNothingThatAFileIsCalled) {
  const testing_support::TemporaryFolder folder;
  std::ofstream{folder.path() / "$(touch owned).toml"} << "";
  EXPECT_THAT(offered({program, "run", folder.path().string() + "/"}),
              ::testing::ElementsAre((folder.path() / "$(touch owned).toml").string()));
  EXPECT_FALSE(fs::exists("owned"));
}

TEST(ZshCompletion, HasEveryCommandWithItsOptionsAndNoOther) {
  const std::string text = content(root / "packaging/completions/_troop");
  for (const auto& [name, options] : commands()) {
    EXPECT_THAT(text, HasSubstr("'" + name + ":")) << "among the commands";
    const std::size_t begin = text.find("\n        " + name + ")");
    if (begin == std::string::npos) {
      EXPECT_EQ(options, std::set<std::string>{"--help"}) << name << " has no case of its own";
      continue;
    }
    EXPECT_EQ(long_options(text.substr(begin, text.find(";;", begin) - begin)), options) << name;
  }
  std::string names;
  for (const auto& format : formats::formats()) names += (names.empty() ? "" : " ") + std::string{format.name};
  EXPECT_THAT(text, HasSubstr("(" + names + ")"));
  const Ran parsed = run({"zsh", "-n", (root / "packaging/completions/_troop").string()});
  if (parsed.exit_code < 0 || parsed.exit_code == 127) GTEST_SKIP() << "no zsh here to parse it";
  EXPECT_EQ(parsed.exit_code, 0) << parsed.out;
}

TEST(ZshCompletion, OfTheAgentHasWhatPeopleType) {
  const std::string text = content(root / "packaging/completions/_troop-agent");
  for (const auto& [name, options] : commands_for_people()) {
    EXPECT_THAT(text, HasSubstr("'" + name + ":")) << "among the commands";
    const std::size_t begin = text.find("\n        " + name + ")");
    ASSERT_NE(begin, std::string::npos) << name << " has no case of its own";
    EXPECT_EQ(long_options(text.substr(begin, text.find(";;", begin) - begin)), options) << name;
  }
  const Ran parsed = run({"zsh", "-n", (root / "packaging/completions/_troop-agent").string()});
  if (parsed.exit_code < 0 || parsed.exit_code == 127) GTEST_SKIP() << "no zsh here to parse it";
  EXPECT_EQ(parsed.exit_code, 0) << parsed.out;
}

// ---- others ----

TEST(Install, PutsTheProgramsWithAllThatTheyNeedBelowOneFolder) {
  const testing_support::TemporaryFolder prefix;
  const auto installed =
      run({"cmake", "--install", fs::path{TROOP_BIN_DIR}.parent_path().string(), "--prefix", prefix.path().string()});
  ASSERT_EQ(installed.exit_code, 0) << installed.out;
  for (const char* file : {"bin/troop-agent", "share/man/man1/troop.1", "share/man/man1/troop-agent.1",
                           "share/bash-completion/completions/troop", "share/zsh/site-functions/_troop",
                           "share/bash-completion/completions/troop-agent", "share/zsh/site-functions/_troop-agent"}) {
    EXPECT_TRUE(fs::exists(prefix / file)) << file;
  }
  // It names what it found in its own folder: the source tree has the same names, but is not looked at first.
  fs::remove_all(prefix / "share/troop/library/loss-points");
  const auto list = run({(prefix / "bin/troop").string(), "list", "scenarios"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_THAT(list.out, HasSubstr("broker/stop"));
  EXPECT_THAT(list.out, Not(HasSubstr("loss-points")));
}

TEST(Readme, ListsEveryCommand) {
  const std::string readme = content(root / "README.md");
  for (const auto& [name, options] : commands()) EXPECT_THAT(readme, HasSubstr("\n    troop " + name + " "));
}

TEST(Template, IsValidByTheSchema) {
  const auto schema = scenarios::scenario_schema(catalogue());
  const std::string text = scenario_template("checkout");
  EXPECT_THAT(test::SchemaCheck{}.run(test::toml_as_json(text), schema), IsEmpty());
  // With every key that it shows as a comment, too.
  const std::string all = std::regex_replace(text, std::regex{"\n# ([a-z_]+ = )"}, "\n$1");
  EXPECT_GT(text.size(), all.size());
  EXPECT_THAT(test::SchemaCheck{}.run(test::toml_as_json(all), schema), IsEmpty());
}

TEST(TroopSchema, PrintsTheSchema) {
  const Ran ran = run({program, "schema"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(boost::json::parse(ran.out), boost::json::value(scenarios::scenario_schema(catalogue())));
}

}  // namespace
}  // namespace troop::controller

#include "tests/unit/tidy/tidy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

namespace troop::tidy {

void PrintTo(const Check& check, std::ostream* out) { *out << check.name; }

namespace {

const Check& check_named(std::string_view name) {
  static const std::vector<Check> all = checks();
  return *std::find_if(all.begin(), all.end(), [&](const Check& check) { return check.name == name; });
}

std::vector<std::string> places(const std::vector<Finding>& findings) {
  std::vector<std::string> texts;
  for (const auto& finding : findings) texts.push_back(finding.path + ":" + std::to_string(finding.line));
  return texts;
}

// ---- the repository ----

class RepositoryTest : public testing::TestWithParam<Check> {};

TEST_P(RepositoryTest, Is) {
  static const Tree tree = read_tree(TROOP_SOURCE_DIR);
  ASSERT_TRUE(tree.contains("common/error.hpp")) << "the sources are not at " << TROOP_SOURCE_DIR;
  for (const auto& finding : GetParam().run(tree)) {
    ADD_FAILURE() << finding.path << ":" << finding.line << ": " << finding.what;
  }
}

INSTANTIATE_TEST_SUITE_P(, RepositoryTest, testing::ValuesIn(checks()),
                         [](const auto& c) { return std::string{c.param.name}; });

// ---- the checks ----

struct Case {
  std::string_view name;
  std::string_view check;
  Tree tree;
  std::vector<std::string> found;
};

std::string many_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "int x;\n";
  return text;
}

std::vector<Case> cases() {
  return {
      {"await_in_a_condition",
       "conditions_do_not_await",
       {{"agents/a.cpp", "void f() {\n  if (!co_await g(1)) return;\n  while (a(co_await g())) h();\n}\n"}},
       {"agents/a.cpp:2", "agents/a.cpp:3"}},
      {"await_behind_a_condition",
       "conditions_do_not_await",
       {{"agents/a.cpp", "  if (x) co_await g();\n  // if (co_await g())\n"}},
       {}},
      {"one_name_for_two_types",
       "types_have_names_of_their_own",
       {{"agents/a.hpp", "namespace troop::agents {\nclass Link {\n"},
        {"agents/b.hpp", "namespace troop::agents {\nstruct Link {\n"},
        {"common/c.hpp", "namespace troop {\nclass Link {\n"}},
       {"agents/b.hpp:0"}},
      {"upward_import",
       "imports_follow_the_architecture",
       {{"common/a.cpp", "\n#include \"agents/b.hpp\"\n"}},
       {"common/a.cpp:2"}},
      {"controller_uses_agents",
       "imports_follow_the_architecture",
       {{"controller/run/a.cpp", "#include \"agents/faults/b.hpp\"\n"}},
       {"controller/run/a.cpp:1"}},
      {"siblings",
       "imports_follow_the_architecture",
       {{"agents/faults/a.cpp", "#include \"agents/workers/b.hpp\"\n"}},
       {"agents/faults/a.cpp:1"}},
      {"shop_uses_model",
       "imports_follow_the_architecture",
       {{"scenarios/shop/a.cpp", "#include \"scenarios/model/b.hpp\"\n"}},
       {"scenarios/shop/a.cpp:1"}},
      {"import_by_dots",
       "imports_follow_the_architecture",
       {{"common/a.cpp", "#include \"../agents/b.hpp\"\n"}},
       {"common/a.cpp:1"}},
      {"transitive_arrows_are_fine",
       "imports_follow_the_architecture",
       {{"agents/daemon/a.cpp", "#include \"common/b.hpp\"\n#include \"agents/host/c.hpp\"\n"},
        {"tests/unit/a.cpp", "#include \"controller/cli/b.hpp\"\n#include \"agents/daemon/b.hpp\"\n"}},
       {}},
      {"imports_in_comments_do_not_count",
       "imports_follow_the_architecture",
       {{"common/a.cpp", "// #include \"agents/b.hpp\"\n/*\n#include \"agents/b.hpp\"\n*/\n"}},
       {}},
      {"toml_in_the_model",
       "libraries_stay_in_their_room",
       {{"scenarios/model/a.cpp", "#include <toml++/toml.h>\n"},
        {"scenarios/toml/a.cpp", "#include <toml++/toml.h>\n"}},
       {"scenarios/model/a.cpp:1"}},
      {"cli11_outside_the_command_line",
       "libraries_stay_in_their_room",
       {{"agents/daemon/main.cpp", "#include <CLI/CLI.hpp>\n"}, {"agents/daemon/a.cpp", "#include <CLI/CLI.hpp>\n"}},
       {"agents/daemon/a.cpp:1"}},
      {"beast_anywhere",
       "libraries_stay_in_their_room",
       {{"controller/api/a.cpp", "#include <boost/beast/core.hpp>\n"}},
       {"controller/api/a.cpp:1"}},
      {"amqp_in_the_controller",
       "libraries_stay_in_their_room",
       {{"controller/run/a.cpp", "#include <amqp.h>\n"}, {"agents/workers/a.cpp", "#include <amqp_tcp_socket.h>\n"}},
       {"controller/run/a.cpp:1"}},
      {"system_call",
       "nothing_passes_through_a_shell",
       {{"common/a.cpp", "void f() { std::system(\"ls\"); }\nauto e = system_error(1);\n"}},
       {"common/a.cpp:1"}},
      {"popen_in_a_test",
       "nothing_passes_through_a_shell",
       {{"tests/unit/a.cpp", "auto f = popen (c, 0);\n"}},
       {"tests/unit/a.cpp:1"}},
      {"shell_as_a_program",
       "nothing_passes_through_a_shell",
       {{"agents/host/a.cpp", "run({\"/bin/sh\", x});\nrun(\"sh -c ls\");\n"}},
       {"agents/host/a.cpp:1", "agents/host/a.cpp:2"}},
      {"sleeping_unit_test",
       "unit_tests_do_not_sleep",
       {{"tests/unit/a.cpp", "std::this_thread::sleep_for(1s);\n\nusleep(3);\n"},
        {"tests/integration/a.cpp", "sleep(1);\n"},
        {"agents/host/a.cpp", "nanosleep(&a, &b);\n"}},
       {"tests/unit/a.cpp:1", "tests/unit/a.cpp:3"}},
      {"raw_new",
       "memory_has_owners",
       {{"common/a.cpp",
         "// a new day\nauto x = new int;\nauto y = \"new int\";\nauto z = new (place) int;\n"
         "std::unique_ptr<A> a{new A{1}};\nreset(new A);\n"}},
       {"common/a.cpp:2", "common/a.cpp:6"}},
      {"macro", "there_are_no_macros", {{"common/a.hpp", "#pragma once\n#define X 1\n"}}, {"common/a.hpp:2"}},
      {"too_long",
       "files_are_small",
       {{"common/a.cpp", many_lines(450)}, {"common/b.cpp", many_lines(451)}},
       {"common/b.cpp:0"}},
      {"no_guard",
       "headers_are_guarded",
       {{"common/a.hpp", "// what\n#pragma once\n"}, {"common/b.hpp", "int x;\n"}},
       {"common/b.hpp:0"}},
      {"header_for_nobody",
       "headers_are_used",
       {{"common/a.hpp", ""},
        {"common/b.hpp", ""},
        {"common/c.hpp", ""},
        {"common/b.cpp", "#include \"common/b.hpp\"\n"},
        {"common/d.cpp", "#include \"common/c.hpp\"\n"}},
       {"common/a.hpp:0", "common/b.hpp:0"}},
      {"source_for_nobody",
       "every_source_is_compiled",
       {{"CMakeLists.txt", "troop_room(common LINK x)\ntroop_program(troop controller/main.cpp LINK y)\n"},
        {"tests/CMakeLists.txt", "troop_test(unit_a unit/a LINK x)\nfile(GLOB s CONFIGURE_DEPENDS support/b_*.cpp)\n"},
        {"tests/support/b_1.cpp", ""},
        {"tests/support/c.cpp", ""},
        {"common/a.cpp", ""},
        {"common/deep/a.cpp", ""},
        {"common/main.cpp", ""},
        {"controller/main.cpp", ""},
        {"tests/unit/a/x.cpp", ""},
        {"tests/unit/b/x.cpp", ""}},
       {"common/deep/a.cpp:0", "common/main.cpp:0", "tests/support/c.cpp:0", "tests/unit/b/x.cpp:0"}},
      {"left_for_later",
       "nothing_is_left_for_later",
       {{"common/a.cpp",
         "\n// TO"
         "DO: all of it\n"},
        {"scenarios/library/a.toml",
         "# FIX"
         "ME\n"}},
       {"common/a.cpp:2", "scenarios/library/a.toml:1"}},
      {"tab", "there_are_no_tabs", {{"cmake/a.cmake", "a\n\tb\n"}}, {"cmake/a.cmake:2"}},
  };
}

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class CheckTest : public testing::TestWithParam<Case> {};

TEST_P(CheckTest, FindsExactlyWhatIsWrong) {
  EXPECT_EQ(places(check_named(GetParam().check).run(GetParam().tree)), GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(, CheckTest, testing::ValuesIn(cases()),
                         [](const auto& c) { return std::string{c.param.name}; });

TEST(ChecksTest, EachIsProvenAbleToFail) {
  for (const auto& check : checks()) {
    const auto all = cases();
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const Case& c) {
      return c.check == check.name && !c.found.empty();
    })) << check.name;
  }
}

TEST(CodeOnlyTest, BlanksCommentsAndLiteralsAndKeepsLines) {
  EXPECT_EQ(code_only("a; // b\nc;"), "a;     \nc;");
  EXPECT_EQ(code_only("a /* b\n c */ d"), "a     \n      d");
  EXPECT_EQ(code_only(R"(f("x\"y", 'z');)"), R"(f("    ", ' ');)");
  EXPECT_EQ(code_only("auto n = 1'000'000; g(\"q\");"), "auto n = 1'000'000; g(\" \");");
  EXPECT_EQ(code_only("R\"(a\"b)\" c"), "R\"    )\" c");
  EXPECT_EQ(code_only("/* never closed"), std::string(15, ' '));
}

TEST(RoomOfTest, IsTheLongestFolderThatMatches) {
  EXPECT_EQ(room_of("agents/fault.hpp"), "agents");
  EXPECT_EQ(room_of("agents/faults/kill.cpp"), "agents/faults");
  EXPECT_EQ(room_of("scenarios/model/faults/kill.cpp"), "scenarios/model");
  EXPECT_EQ(room_of("scenarios/other.hpp"), "");
}

}  // namespace
}  // namespace troop::tidy

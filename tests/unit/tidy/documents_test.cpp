// The documents at the root say what is there: links lead somewhere, and the README's scenario is the one in the
// library.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace troop::tidy {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The targets of Markdown links that are neither on the network nor within the page.
std::vector<std::string> local_links(const std::string& markdown) {
  static const std::regex link{R"(\]\(([^)#: ]+)(#[^)]*)?\))"};
  std::vector<std::string> targets;
  for (std::sregex_iterator match{markdown.begin(), markdown.end(), link}, end; match != end; ++match) {
    targets.push_back((*match)[1]);
  }
  return targets;
}

std::vector<std::string> dead_links(const fs::path& document) {
  auto targets = local_links(read(document));
  std::erase_if(targets, [&](const std::string& target) { return fs::exists(document.parent_path() / target); });
  return targets;
}

/// What is between the first ```toml and the next ```.
std::string first_toml(const std::string& markdown) {
  constexpr std::string_view open = "```toml\n";
  const auto begin = markdown.find(open);
  if (begin == std::string::npos) return {};
  return markdown.substr(begin + open.size(), markdown.find("```", begin + open.size()) - begin - open.size());
}

/// TOML without comments, blank lines and padding. Enough for files whose strings hold no '#'.
std::string bare(const std::string& toml) {
  static const std::regex comment{R"([ \t]*#[^\n]*)"};
  static const std::regex padding{R"([ \t]+)"};
  static const std::regex blank_lines{R"(\n\s*\n+)"};
  std::string text = std::regex_replace(toml, comment, "");
  text = std::regex_replace(text, padding, " ");
  text = std::regex_replace(text, blank_lines, "\n");
  const auto first = text.find_first_not_of(" \n");
  const auto last = text.find_last_not_of(" \n");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

TEST(DocumentsTest, HaveLinksThatLeadSomewhere) {
  const fs::path root{TROOP_SOURCE_DIR};
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator{root}) {
    const auto path = fs::relative(entry.path(), root).generic_string();
    if (entry.path().extension() != ".md" || path.starts_with("build") || path.starts_with(".")) continue;
    ++seen;
    for (const auto& target : dead_links(entry.path())) ADD_FAILURE() << path << ": there is no " << target;
  }
  EXPECT_GE(seen, 3);
}

TEST(DocumentsTest, TheReadmeShowsTheScenarioAsItIs) {
  const fs::path root{TROOP_SOURCE_DIR};
  const std::string shown = bare(first_toml(read(root / "README.md")));
  EXPECT_FALSE(shown.empty());
  EXPECT_EQ(shown, bare(read(root / "scenarios/library/broker/stop.toml")));
}

TEST(LocalLinksTest, LeaveOutTheNetworkAndThePageItself) {
  EXPECT_EQ(local_links("[a](b.md) ![c](d/e.png) [f](https://g.h) [i](#j) [k](l.md#m)"),
            (std::vector<std::string>{"b.md", "d/e.png", "l.md"}));
}

TEST(DeadLinksTest, FindsWhatIsNotThere) {
  const fs::path page = fs::path{testing::TempDir()} / "troop_dead_links.md";
  std::ofstream{page} << "[self](troop_dead_links.md) [gone](nothing-here.md)";
  EXPECT_EQ(dead_links(page), std::vector<std::string>{"nothing-here.md"});
  fs::remove(page);
}

TEST(BareTest, DropsCommentsAndPaddingOnly) {
  EXPECT_EQ(bare("# top\n\na   = 1  # one\n\n\n[b]\nc = \"x\"\n"), "a = 1\n[b]\nc = \"x\"");
  EXPECT_NE(bare("a = 1"), bare("a = 2"));
  EXPECT_EQ(first_toml("x\n```toml\na = 1\n```\ny"), "a = 1\n");
}

}  // namespace
}  // namespace troop::tidy

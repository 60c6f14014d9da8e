// Reading sources: which files there are, and what of a file is code.
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/tidy/tidy.hpp"

namespace troop::tidy {
namespace {

constexpr std::string_view kFolders[] = {"common", "scenarios", "reports", "agents", "controller", "tests", "cmake"};
constexpr std::string_view kFiles[] = {"CMakeLists.txt", "CMakePresets.json", "dev", ".ci/run"};
constexpr std::string_view kExtensions[] = {".cpp", ".hpp", ".h", ".cmake", ".toml"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Blanks [from, to) but for line ends.
void blank(std::string& text, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to && i < text.size(); ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

/// The position of the quote that ends the literal whose opening quote is at `open`; the end of the text if none does.
std::size_t closing_quote(std::string_view text, std::size_t open) {
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == text[open] || text[i] == '\n') {
      return i;
    }
  }
  return text.size();
}

/// Blanks the comment or literal that begins at `at`, if one does; returns where to go on.
std::size_t skip(std::string& text, std::size_t at) {
  const std::string_view rest = std::string_view{text}.substr(at);
  if (rest.starts_with("//")) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    blank(text, at, end);
    return end;
  }
  if (rest.starts_with("/*")) {
    const std::size_t end = std::min(text.find("*/", at + 2), text.size() - 2) + 2;
    blank(text, at, end);
    return end;
  }
  if (rest.starts_with("R\"") && (at == 0 || !is_word(text[at - 1]))) {
    const std::string delimiter = ")" + text.substr(at + 2, text.find('(', at) - at - 2) + "\"";
    const std::size_t end = std::min(text.find(delimiter, at), text.size());
    blank(text, at + 2, end);
    return end + delimiter.size();
  }
  const bool digit_separator = rest[0] == '\'' && at > 0 && is_word(text[at - 1]);
  if (rest[0] == '"' || (rest[0] == '\'' && !digit_separator)) {
    const std::size_t end = closing_quote(text, at);
    blank(text, at + 1, end);
    return end + 1;
  }
  return at + 1;
}

}  // namespace

std::string code_only(std::string_view text) {
  std::string code{text};
  for (std::size_t at = 0; at < code.size();) at = skip(code, at);
  return code;
}

Tree read_tree(const std::string& root) {
  namespace fs = std::filesystem;
  Tree tree;
  const auto add = [&](const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream content;
    content << file.rdbuf();
    tree.emplace(fs::relative(path, root).generic_string(), content.str());
  };
  for (const auto folder : kFolders) {
    if (!fs::exists(fs::path{root} / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator{fs::path{root} / folder}) {
      const std::string extension = entry.path().extension().string();
      const bool wanted = std::find(std::begin(kExtensions), std::end(kExtensions), extension) != std::end(kExtensions);
      const bool build_file = entry.path().filename() == "CMakeLists.txt";
      if (entry.is_regular_file() && (wanted || build_file)) add(entry.path());
    }
  }
  for (const auto file : kFiles) {
    if (fs::exists(fs::path{root} / file)) add(fs::path{root} / file);
  }
  return tree;
}

}  // namespace troop::tidy

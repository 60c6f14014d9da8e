// Style as a test: what the sources of this repository must and must not contain. Every check is a pure function over a
// tree of files held in memory, so that each is itself tested.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troop::tidy {

/// Path from the root of the repository → content.
using Tree = std::map<std::string, std::string, std::less<>>;

struct Finding {
  std::string path;
  std::size_t line = 0;  ///< From 1; 0: the file as a whole.
  std::string what;
};

struct Check {
  std::string_view name;
  std::function<std::vector<Finding>(const Tree&)> run;
};

/// All of them. The names are those of the tests.
std::vector<Check> checks();

/// The folder of architecture.md that `path` belongs to, "" if none.
std::string_view room_of(std::string_view path);

/// Whether code in room `from` may include a header of room `to`; arrows are transitive, a room may include itself.
bool may_import(std::string_view from, std::string_view to);

/// `text` with comments and the insides of literals replaced by blanks; positions and lines stay as they are.
std::string code_only(std::string_view text);

/// Reads what the checks look at below `root`. Throws std::filesystem::filesystem_error.
Tree read_tree(const std::string& root);

}  // namespace troop::tidy

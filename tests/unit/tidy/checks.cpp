#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "tests/unit/tidy/tidy.hpp"

namespace troop::tidy {
namespace {

constexpr std::size_t kLinesMax = 450;

bool is_source(std::string_view path) { return path.ends_with(".cpp") || path.ends_with(".hpp"); }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

struct Include {
  std::size_t line = 0;
  bool quoted = false;
  std::string path;
};

std::vector<Include> includes_of(const std::string& text) {
  static const std::regex pattern{R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])"};
  std::vector<Include> includes;
  const auto lines = lines_of(text);
  const auto code = lines_of(code_only(text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    // The code tells a real include from one in a comment or a literal; the line tells its path.
    if (code[i].find("include") == std::string::npos || !std::regex_search(lines[i], match, pattern)) continue;
    includes.push_back({i + 1, match[1] == "\"", match[2]});
  }
  return includes;
}

/// One finding for each line of the chosen files that `pattern` matches.
std::vector<Finding> forbid(const Tree& tree, const std::regex& pattern, const std::string& what, bool code_alone,
                            const std::function<bool(std::string_view)>& chosen) {
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (!chosen(path)) continue;
    const auto lines = lines_of(code_alone ? code_only(text) : text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (std::regex_search(lines[i], pattern)) findings.push_back({path, i + 1, what});
    }
  }
  return findings;
}

std::vector<Finding> imports_follow_the_architecture(const Tree& tree) {
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    for (const auto& include : includes_of(text)) {
      if (!include.quoted) continue;
      const auto target = room_of(include.path);
      if (include.path.find("..") != std::string::npos) {
        findings.push_back({path, include.line, "includes are relative to the root: " + include.path});
      } else if (!target.empty() && !may_import(room_of(path), target)) {
        findings.push_back({path, include.line, "may not include " + include.path});
      }
    }
  }
  return findings;
}

struct Library {
  std::string_view header;                ///< Begin of the include.
  std::vector<std::string_view> allowed;  ///< Begins of the paths that may include it.
};

const std::vector<Library>& libraries() {
  // Costly to compile or bound to one task; tests may use what they test against.
  static const std::vector<Library> all = {
      {"toml++/", {"scenarios/toml/"}},
      {"CLI/", {"controller/cli/", "controller/main.cpp", "agents/daemon/main.cpp"}},
      {"boost/beast", {}},
      {"curl/", {"agents/rabbitmq/"}},
      {"nftables/", {"agents/host/"}},
      {"libnftnl/", {"agents/host/"}},
      {"libmnl/", {"agents/host/"}},
      {"amqp", {"agents/rabbitmq/", "agents/workers/", "tests/"}},
      {"openssl/", {"agents/rabbitmq/", "agents/workers/", "tests/"}},
      {"rabbitmq-c/", {"agents/rabbitmq/", "agents/workers/", "tests/"}},
      {"gtest/", {"tests/"}},
      {"gmock/", {"tests/"}},
  };
  return all;
}

std::vector<Finding> libraries_stay_in_their_room(const Tree& tree) {
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    for (const auto& include : includes_of(text)) {
      for (const auto& library : libraries()) {
        const auto allows = [&, &file = path](std::string_view begin) { return file.starts_with(begin); };
        if (include.quoted || !include.path.starts_with(library.header)) continue;
        if (std::any_of(library.allowed.begin(), library.allowed.end(), allows)) continue;
        findings.push_back({path, include.line, "may not include <" + include.path + ">"});
      }
    }
  }
  return findings;
}

std::vector<Finding> nothing_passes_through_a_shell(const Tree& tree) {
  static const std::regex calls{R"(\b(system|popen)\s*\()"};
  static const std::regex shells{R"re("[^"]*\b(ba|da)?sh -c|"(/usr)?/bin/(ba|da)?sh")re"};
  auto findings = forbid(tree, calls, "passes a command to a shell", true, is_source);
  const auto product = [](std::string_view path) { return is_source(path) && !path.starts_with("tests/"); };
  for (auto& finding : forbid(tree, shells, "starts a shell", false, product)) findings.push_back(std::move(finding));
  return findings;
}

std::vector<Finding> unit_tests_do_not_sleep(const Tree& tree) {
  static const std::regex pattern{R"(\b(sleep_for|sleep_until|(u|nano)?sleep)\s*\()"};
  return forbid(tree, pattern, "a unit test sleeps", true,
                [](std::string_view path) { return is_source(path) && path.starts_with("tests/unit/"); });
}

std::vector<Finding> memory_has_owners(const Tree& tree) {
  static const std::regex pattern{R"(\bnew\s+[A-Za-z_:]|\b(malloc|calloc)\s*\()"};
  // The one way where the constructor is private and make_unique cannot call it.
  static const std::regex owned{R"(unique_ptr<[^;]*>\s*\w*\s*[({]\s*new\b)"};
  auto findings = forbid(tree, pattern, "allocates without an owner", true, is_source);
  std::erase_if(findings, [&](const Finding& finding) {
    return std::regex_search(lines_of(tree.find(finding.path)->second)[finding.line - 1], owned);
  });
  return findings;
}

std::vector<Finding> there_are_no_macros(const Tree& tree) {
  static const std::regex pattern{R"(^\s*#\s*define\b)"};
  return forbid(tree, pattern, "defines a macro", true, is_source);
}

std::vector<Finding> files_are_small(const Tree& tree) {
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    const std::size_t lines = lines_of(text).size();
    if (lines > kLinesMax) findings.push_back({path, 0, "has " + std::to_string(lines) + " lines"});
  }
  return findings;
}

std::vector<Finding> headers_are_guarded(const Tree& tree) {
  static const std::regex pattern{R"((^|\n)#pragma once\n)"};
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with(".hpp") || std::regex_search(text, pattern)) continue;
    findings.push_back({path, 0, "lacks #pragma once"});
  }
  return findings;
}

std::vector<Finding> headers_are_used(const Tree& tree) {
  std::set<std::string, std::less<>> used;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    for (const auto& include : includes_of(text)) {
      const std::string_view includer{path};
      const std::string_view header{include.path};
      const bool own = includer.substr(0, includer.rfind('.')) == header.substr(0, header.rfind('.'));
      if (include.quoted && !own) used.insert(include.path);
    }
  }
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (path.ends_with(".hpp") && !used.contains(path)) findings.push_back({path, 0, "is included by no other file"});
  }
  return findings;
}

/// What CMake compiles: the .cpp files of folders, single files, and files that a pattern "prefix*.cpp" matches.
struct Compiled {
  std::set<std::string, std::less<>> paths;
  std::vector<std::string> prefixes;
};

Compiled compiled(const Tree& tree) {
  static const std::regex target{R"(troop_(room|program|test|bench)\s*\(\s*(\S+)(\s+(\S+))?)"};
  static const std::regex glob{R"(file\(GLOB\s+\S+\s+CONFIGURE_DEPENDS\s+([^\s*)]+)\*\.cpp\))"};
  Compiled found;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with("CMakeLists.txt")) continue;
    const std::string folder = path.substr(0, path.size() - std::string_view{"CMakeLists.txt"}.size());
    for (std::sregex_iterator match{text.begin(), text.end(), target}, end; match != end; ++match) {
      const bool named = (*match)[1] == "program" || (*match)[1] == "test";
      found.paths.insert(folder + (named ? (*match)[4] : (*match)[2]).str());
    }
    for (std::sregex_iterator match{text.begin(), text.end(), glob}, end; match != end; ++match) {
      found.prefixes.push_back(folder + (*match)[1].str());
    }
  }
  return found;
}

std::vector<Finding> every_source_is_compiled(const Tree& tree) {
  const auto known = compiled(tree);
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    const auto matches = [&, &file = path](const std::string& prefix) {
      return file.starts_with(prefix) && file.find('/', prefix.size()) == std::string::npos;
    };
    const bool in_folder = !path.ends_with("/main.cpp") && known.paths.contains(path.substr(0, path.rfind('/')));
    const bool is_compiled =
        known.paths.contains(path) || in_folder || std::any_of(known.prefixes.begin(), known.prefixes.end(), matches);
    if (path.ends_with(".cpp") && !is_compiled) {
      findings.push_back({path, 0, "is part of no room, program or test in CMakeLists.txt"});
    }
  }
  return findings;
}

std::vector<Finding> nothing_is_left_for_later(const Tree& tree) {
  static const std::regex pattern{
      "\\b(TO"
      "DO|FIX"
      "ME|X"
      "XX)\\b"};  // split, so that this file passes
  return forbid(tree, pattern, "leaves something for later", false, [](std::string_view) { return true; });
}

std::vector<Finding> there_are_no_tabs(const Tree& tree) {
  static const std::regex pattern{"\t"};
  return forbid(tree, pattern, "has a tab", false, [](std::string_view) { return true; });
}

/// GCC 12 lays out a coroutine's frame wrongly for some conditions that await a call with temporaries: it resumes into
/// nowhere. A result that is awaited into a name of its own first is always right.
std::vector<Finding> conditions_do_not_await(const Tree& tree) {
  static const std::regex head{R"(\b(if|while|switch)\s*\()"};
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    const std::string code = code_only(text);
    for (std::sregex_iterator match{code.begin(), code.end(), head}, end; match != end; ++match) {
      const auto begin = static_cast<std::size_t>(match->position() + match->length());
      std::size_t at = begin;
      for (int depth = 1; at < code.size() && depth > 0; ++at) depth += code[at] == '(' ? 1 : code[at] == ')' ? -1 : 0;
      if (code.substr(begin, at - begin).find("co_await") == std::string::npos) continue;
      const auto line = std::count(code.begin(), code.begin() + match->position(), '\n') + 1;
      findings.push_back({path, static_cast<std::size_t>(line), "awaits within a condition"});
    }
  }
  return findings;
}

/// Two types of one name in one namespace are undefined behaviour that no linker reports.
std::vector<Finding> types_have_names_of_their_own(const Tree& tree) {
  static const std::regex space{R"((^|\n)namespace ([a-z:_]+) \{)"};
  static const std::regex type{R"((^|\n)(class|struct) (\w+)[^;{\n]*\{)"};
  std::map<std::string, std::string> seen;
  std::vector<Finding> findings;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with(".hpp")) continue;
    const std::string code = code_only(text);
    std::smatch in;
    const std::string scope = std::regex_search(code, in, space) ? in[2].str() : "";
    for (std::sregex_iterator match{code.begin(), code.end(), type}, end; match != end; ++match) {
      const std::string name = scope + "::" + (*match)[3].str();
      const auto [first, fresh] = seen.emplace(name, path);
      if (!fresh) findings.push_back({path, 0, name + " is also in " + first->second});
    }
  }
  return findings;
}

}  // namespace

std::vector<Check> checks() {
  return {
      {"imports_follow_the_architecture", imports_follow_the_architecture},
      {"libraries_stay_in_their_room", libraries_stay_in_their_room},
      {"nothing_passes_through_a_shell", nothing_passes_through_a_shell},
      {"unit_tests_do_not_sleep", unit_tests_do_not_sleep},
      {"memory_has_owners", memory_has_owners},
      {"there_are_no_macros", there_are_no_macros},
      {"files_are_small", files_are_small},
      {"headers_are_guarded", headers_are_guarded},
      {"headers_are_used", headers_are_used},
      {"every_source_is_compiled", every_source_is_compiled},
      {"nothing_is_left_for_later", nothing_is_left_for_later},
      {"there_are_no_tabs", there_are_no_tabs},
      {"conditions_do_not_await", conditions_do_not_await},
      {"types_have_names_of_their_own", types_have_names_of_their_own},
  };
}

}  // namespace troop::tidy

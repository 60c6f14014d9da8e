// A parsed file with what was set over it, and the list of what is wrong with it.
//
// Everything in it is addressed by a dotted path, "step.0.for", the same as --set uses.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/toml/asked.hpp"
#include "scenarios/toml/reader.hpp"
#include "scenarios/toml/tomlplusplus.hpp"

namespace troop::scenarios {

class Document {
 public:
  Document(std::string file, std::span<const Override> overrides) : file_(std::move(file)), overrides_(overrides) {}

  /// Parses `text`, then applies the overrides. False: a syntax error, which is then the only problem.
  bool parse(const std::string& text);

  [[nodiscard]] const toml::table& root() const { return root_; }
  /// The override that set exactly this path; the last one if several did.
  [[nodiscard]] const Override* override_at(std::string_view path) const;

  /// Adds a problem with what is at `path`: its value, or else the nearest thing around it that exists.
  void problem(std::string_view path, std::string message);
  /// The same, but shown at the key instead of the value.
  void problem_at_key(std::string_view path, std::string message);
  /// Marks `path` as not to be relied on, without saying anything.
  void distrust(std::string_view path) { broken_.emplace(path); }

  /// Whether no problem so far concerns `path`, anything in it or anything around it.
  [[nodiscard]] bool sound(std::string_view path) const;
  [[nodiscard]] bool has_problems() const { return !problems_.empty(); }
  /// From here on `asked` gets every key that is looked for; it must live as long as this.
  void record(std::vector<Asked>& asked) { asked_ = &asked; }
  /// Something looks for `asked.path`, a path of this document.
  void note(Asked asked);

  /// Sorted by place, capped at `max_problems` with a last line that counts the rest.
  std::vector<Problem> take_problems();

 private:
  void add(std::string_view path, std::string message, bool at_key);
  void apply(const Override& override);

  std::string file_;
  std::span<const Override> overrides_;
  toml::table root_;
  std::vector<Problem> problems_;
  std::size_t unlisted_ = 0;
  std::set<std::string, std::less<>> broken_;
  std::vector<Asked>* asked_ = nullptr;
};

}  // namespace troop::scenarios

// What the tests of the reader share: a catalogue of their own, and files that go away.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "scenarios/model/faults/catalogue.hpp"
#include "scenarios/toml/reader.hpp"

namespace troop::scenarios::test {

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "troop-toml-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::filesystem::remove(path_ / name);  // some file systems flush a file that is truncated
    std::ofstream{path_ / name, std::ios::binary} << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string content(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline model::Catalogue catalogue() {
  using enum model::ParameterType;
  using model::Parameter;
  const Parameter guarantee{.name = "guarantee",
                            .type = choice,
                            .what = "what is promised",
                            .required = true,
                            .choices = {"at-least-once", "at-most-once", "exactly-once"}};
  const Parameter per{
      .name = "per", .type = choice, .what = "w", .fallback = "key", .choices = {"key", "producer", "queue"}};
  const Parameter within{.name = "within", .type = duration, .what = "how long", .required = true};
  const Parameter windows{
      .name = "windows", .type = integer, .what = "w", .fallback = "3", .minimum = 1, .maximum = 100};
  const std::vector<Parameter> of_exercised{{.name = "publishes", .type = integer, .what = "w", .fallback = "100"},
                                            {.name = "services", .type = text_list, .what = "w", .choices = {"a", "b"}},
                                            {.name = "share", .type = number, .what = "w", .minimum = 0, .maximum = 1},
                                            {.name = "strict", .type = boolean, .what = "w", .fallback = "true"}};
  return {
      .faults = model::faults(),
      .probes = {{.name = "amqp.publish",
                  .summary = "publishes",
                  .measures = {{.name = "success", .type = number, .what = "w", .minimum = 0, .maximum = 1},
                               {.name = "p99", .type = duration, .what = "w", .minimum = 0}}}},
      .invariants =
          {{.kind = "delivery",
            .summary = "d",
            .anomalies = {"lost", "duplicated", "redelivered", "unexpected", "aborted"},
            .parameters = {guarantee}},
           {.kind = "order", .summary = "o", .anomalies = {"inversion"}, .parameters = {per}},
           {.kind = "accounting", .summary = "a", .anomalies = {"unaccounted"}},
           {.kind = "effect", .summary = "e", .anomalies = {"double", "lost"}},
           {.kind = "recovery", .summary = "r", .anomalies = {"not-recovered"}, .parameters = {within, windows}},
           {.kind = "exercised", .summary = "e", .anomalies = {}, .parameters = of_exercised}},
  };
}

/// Reads `text` as a file; the problems as text without the file's name: "3:1: unknown key …".
inline ScenarioReading read(const std::string& text, const std::vector<Override>& overrides = {}) {
  const Folder folder;
  return read_scenario(folder.write("s.toml", text), catalogue(), overrides);
}

/// "3:1: message", one per problem; "--set k=v: message" for overrides; ": message" without a place.
inline std::vector<std::string> problems_of(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const auto& problem : problems) {
    const std::string text = to_text(problem);
    const bool from_file = text.find(".toml:") != std::string::npos && !text.starts_with("--set");
    out.push_back(from_file ? text.substr(problem.file.size() + 1) : text);
  }
  return out;
}

}  // namespace troop::scenarios::test

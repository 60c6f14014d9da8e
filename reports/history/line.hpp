// From one line to an Event. Internal to this room: simdjson must not leak into others' builds.
#pragma once

#include <simdjson.h>

#include <array>
#include <string>

#include "reports/history/event.hpp"

namespace troop::history {

/// Two ways to the same event. `parse_plain` knows only the form that Troop itself writes, and is fast; whatever it
/// does not know goes to `parse_any`, which knows all of JSON and alone decides what is malformed JSON. What the fields
/// mean is written once, for both.
class LineParser {
 public:
  /// A line of another form is neither an event nor an error yet: then `end` is null.
  struct Plain {
    const char* end = nullptr;   ///< The line's newline.
    std::string_view complaint;  ///< Why it is no event, or empty.
  };

  /// Fills `event`, which must be fresh, from the line that begins at `begin`. Text points into the line or into this
  /// parser. Somewhere behind `begin` there must be a newline, and SIMDJSON_PADDING readable bytes behind that.
  Plain parse_plain(Event& event, const char* begin);
  /// The same for any line, given without its newline, with SIMDJSON_PADDING readable bytes behind it. Returns why it
  /// is no event, or empty text.
  std::string parse_any(Event& event, std::string_view line);

  /// Room for what does not stand in the line as it is wanted.
  struct Scratch {
    std::array<char, 24 * 16> digits;  ///< Of numbers that stand where text is expected: an id of 17 is the text "17".
    std::size_t used = 0;
    std::string value;
  };

 private:
  Scratch scratch_;
  simdjson::dom::parser parser_;
};

}  // namespace troop::history

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// Blocks of names and values as SPDY/3 packs them: zlib with the protocol's dictionary, one stream in each direction
// for the whole connection. By zlib, which this is the only place to include.
namespace ballast::stream {

using Fields = std::vector<std::pair<std::string, std::string>>; // names in lower case

// The first of that name; empty when there is none.
std::string_view field(const Fields &fields, std::string_view name);

// What both sides start from (SPDY/3 section 2.6.10.1).
const std::string &spdy_dictionary();

class FieldsPacker {
  public:
    static Result<FieldsPacker> make();
    FieldsPacker(FieldsPacker &&) noexcept;
    FieldsPacker &operator=(FieldsPacker &&) noexcept;
    ~FieldsPacker();
    std::string pack(const Fields &fields);

  private:
    struct State;
    explicit FieldsPacker(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class FieldsUnpacker {
  public:
    static Result<FieldsUnpacker> make();
    FieldsUnpacker(FieldsUnpacker &&) noexcept;
    FieldsUnpacker &operator=(FieldsUnpacker &&) noexcept;
    ~FieldsUnpacker();
    // EPROTO for what is no block, or has names that are empty, not in lower case or there twice; EFBIG for more than
    // `most` bytes. No further block can be read after either.
    Result<Fields> unpack(std::string_view block, std::size_t most);

  private:
    struct State;
    explicit FieldsUnpacker(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ballast::stream

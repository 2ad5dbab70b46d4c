/// Marks a field that was appended to a message or record after its first version: whoever wrote
/// the older form does not have it, and then it keeps its default.
#pragma once

#include "common/protocol/at_most.h"
#include "common/protocol/bytes.h"

namespace landseer::protocol {

template <class T>
struct AddedRef {
  T& value;
};

template <class String>
struct AddedRef<BytesRef<String>> {
  BytesRef<String> value;
};

template <class List>
struct AddedRef<AtMostRef<List>> {
  AtMostRef<List> value;
};

template <class T>
AddedRef<T> added(T& value) {
  return {value};
}

template <class String>
AddedRef<BytesRef<String>> added(BytesRef<String> value) {
  return {value};
}

template <class List>
AddedRef<AtMostRef<List>> added(AtMostRef<List> value) {
  return {value};
}

}  // namespace landseer::protocol

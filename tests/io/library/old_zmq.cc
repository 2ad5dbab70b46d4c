// Loaded before libzmq: it says that it is older than it is.

extern "C" void zmq_version(int* major, int* minor, int* patch) {
  *major = 4;
  *minor = 3;
  *patch = 2;
}

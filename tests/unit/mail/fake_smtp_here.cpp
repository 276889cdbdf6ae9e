// The fake server belongs to the integration tests; this program needs it too.
#include "../../integration/fake_smtp.cpp"

// How many tokens each of some texts is, in the vocabulary o200k.
import { encode } from "gpt-tokenizer/encoding/o200k_base";

console.log(JSON.stringify(JSON.parse(process.argv[2]).map((text) => encode(text).length)));

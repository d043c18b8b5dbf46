import { invalid, notValidated } from './errors.js';

/** Kinds of merge fields. */
export type MergeFieldType =
  | ('text' | 'number' | 'address' | 'phone' | 'date' | 'url')
  | ('imageurl' | 'radio' | 'dropdown' | 'birthday' | 'zip');

/** A merge field of an audience, in the names of the API. */
export interface SandboxMergeField {
  merge_id: number;
  tag: string;
  name: string;
  type: MergeFieldType;
  required: boolean;
  default_value: string;
  public: boolean;
  display_order: number;
  options: Record<string, unknown>;
  help_text: string;
}

/** What a merge field is made from. */
export type MergeFieldInput = Partial<SandboxMergeField> & Pick<SandboxMergeField, 'name' | 'type'>;

const optionsOf: Partial<Record<MergeFieldType, Record<string, unknown>>> = {
  text: { size: 25 },
  address: { default_country: 164 },
  phone: { phone_format: 'none' },
  date: { date_format: 'MM/DD/YYYY' },
  birthday: { date_format: 'MM/DD' },
};

/** The merge fields of an audience; it begins with the four that every audience has. */
export class MergeFields {
  readonly list: SandboxMergeField[] = [];

  constructor(readonly limit: number) {
    this.add({ tag: 'FNAME', name: 'First Name', type: 'text' });
    this.add({ tag: 'LNAME', name: 'Last Name', type: 'text' });
    this.add({ tag: 'ADDRESS', name: 'Address', type: 'address' });
    this.add({ tag: 'PHONE', name: 'Phone Number', type: 'phone' });
  }

  /** Makes a field; 400 when the audience is full, or the tag is taken, malformed or kept by MailChimp. */
  add(input: MergeFieldInput): SandboxMergeField {
    if (this.list.length >= this.limit) {
      throw invalid(`This audience has reached its limit of ${this.limit} merge fields.`);
    }
    const isChoice = input.type === 'radio' || input.type === 'dropdown';
    if (isChoice && !Array.isArray(input.options?.['choices'])) {
      throw notValidated([{ field: 'options.choices', message: 'Please provide choices' }]);
    }
    const merge_id = Math.max(0, ...this.list.map((field) => field.merge_id)) + 1;
    const field: SandboxMergeField = {
      ...{ required: false, default_value: '', public: false, help_text: '', display_order: this.list.length + 1 },
      ...input,
      merge_id,
      options: { ...optionsOf[input.type], ...input.options },
      tag: this.#free(input.tag ?? `MMERGE${merge_id}`),
    };
    this.list.push(field);
    return field;
  }

  /** Changes a field; its type stays. */
  edit(field: SandboxMergeField, change: Partial<SandboxMergeField>): void {
    const tag = change.tag === undefined || change.tag === field.tag ? field.tag : this.#free(change.tag);
    Object.assign(field, change, { tag, merge_id: field.merge_id, type: field.type });
  }

  remove(field: SandboxMergeField): void {
    this.list.splice(this.list.indexOf(field), 1);
  }

  named(tag: string): SandboxMergeField | undefined {
    return this.list.find((field) => field.tag === tag);
  }

  #free(tag: string): string {
    if (!/^[A-Z0-9_]{1,10}$/.test(tag)) {
      throw notValidated([{ field: 'tag', message: 'A tag has at most 10 upper-case letters, digits or underscores' }]);
    }
    if (tag === 'EMAIL' || this.named(tag)) {
      throw invalid(`A Merge Field with the tag "${tag}" already exists for this list.`);
    }
    return tag;
  }
}
